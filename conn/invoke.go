// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/refusal"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// renewalsMax is how many tokens a call tries.
const renewalsMax = 3

// defaultTimeout bounds a unary call for which neither the caller's context nor the request sets a time.
const defaultTimeout = 5 * time.Second

// Invoke makes a unary call on an Active endpoint, the next in turn, or on the one of [OnEndpoint]. It is what every
// request of this SDK goes through; generated stubs may be used on it directly.
//
// A read that fails on its way, or that a member cannot serve now, is retried on another endpoint until the deadline. A
// read that is not answered within 500 ms (WithHedgeDelay) is sent to a second endpoint as well. A write is retried only
// when it was not sent, or turned away before it was proposed: a write that may have been applied is returned as
// etcderr.Unknown and never sent twice. Retries are paced, and bounded over the connection.
//
// The deadline is parent's, or that of [Within], whichever is earlier; where neither is set, 5 s ([WithDefaultTimeout]). Calls
// that wait for others (Lock, Campaign) or for a whole database (Defragment, Hash, HashKV) have none by default. With no
// Active endpoint the call waits for one, until its deadline or until the outage has lasted for the patience of the
// connection ([WithPatience]); then it fails with ErrUnavailable and the reason of each endpoint, and with the context's
// error where that ended the wait. On a closed connection it is ErrClosed; OnEndpoint of an unknown endpoint is
// ErrEndpoint. Every other failure is an [*etcderr.Error].
func (c *Conn) Invoke(parent context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if parent == nil {
		return refusal.ErrNilContext
	}
	var o callOptions
	if len(opts) > 0 {
		var err error
		if o, err = splitOptions(opts); err != nil {
			return err
		}
	}
	u := c.unaryFor(traitsOf(method, args))
	u.parent, u.method, u.args, u.reply, u.options = parent, method, args, reply, o
	u.deadline = c.callDeadline(parent, o.timeout, u.traits)
	ctx := u.context(parent)
	if parent.Done() == nil {
		err := u.run(ctx)
		u.finish()
		return err
	}
	stop := context.AfterFunc(parent, u.abort)
	err := u.run(ctx)
	if !stop() {
		u.spoilt = true // parent has ended: the context is cancelled, or is about to be
	}
	u.finish()
	return err
}

func (c *Conn) callDeadline(parent context.Context, timeout time.Duration, t traits) time.Time {
	deadline, ok := parent.Deadline()
	switch {
	case timeout > 0:
	case ok, t&unbounded != 0:
		return deadline
	default:
		timeout = c.opts.defaultTimeout
	}
	if own := time.Now().Add(timeout); !ok || own.Before(deadline) {
		return own
	}
	return deadline
}

// unary is one call with all its attempts.
type unary struct {
	flight
	conn        *Conn
	parent      context.Context
	method      string
	args, reply any
	options     callOptions
	traits      traits
	link        *member.Link  // of the attempt under way
	began       time.Duration // when it began, by the clock
}

// calls keeps the calls of a connection that have ended, for further ones. Calls that ask for a leader and calls that do
// not differ in what their contexts carry.
type calls struct{ plain, leader sync.Pool }

func (c *calls) pool(t traits) *sync.Pool {
	if t&(read|local) != 0 {
		return &c.plain
	}
	return &c.leader
}

func (c *Conn) unaryFor(t traits) *unary {
	pool := c.calls.pool(t)
	u, ok := pool.Get().(*unary)
	if !ok {
		u = &unary{conn: c}
		u.init(pool == &c.calls.leader, u.hedgeSilence)
	}
	u.traits = t
	return u
}

// finish ends the call, and keeps what it allocated for the next one where that is safe.
func (u *unary) finish() {
	if !u.reusable() {
		u.flight.cancel()
		return
	}
	u.parent, u.args, u.reply, u.options, u.link = nil, nil, nil, callOptions{}, nil
	u.conn.calls.pool(u.traits).Put(u)
}

func (u *unary) run(ctx context.Context) error {
	if err := u.cause(); err != nil {
		return etcderr.FromRPC(err, etcderr.Call{Method: u.method, Cause: err})
	}
	var avoid *member.Link
	var last error
	renewals := 0
	for attempt := 0; ; attempt++ {
		l, err := u.conn.pick(u.wanted(), avoid, last)
		if err != nil {
			return err
		}
		used := u.conn.tokens.Used()
		err = u.attempt(ctx, l)
		if err == nil {
			u.conn.budget.credit()
			return nil
		}
		if u.conn.tokens.Refused(used, err) && renewals < renewalsMax && u.cause() == nil {
			if failed := u.renewToken(ctx, l, used); failed != nil {
				return u.unrenewed(err, failed)
			}
			if u.conn.tokens.Used() != used {
				renewals++
			}
			continue
		}
		u.learn(l, err)
		before := last
		avoid, last = l, err
		if u.left {
			u.renew()
			ctx = u.context(u.parent)
		}
		if !u.again(err) || !u.pause(attempt, err) {
			return u.ended(err, before)
		}
	}
}

func (u *unary) wanted() wanted {
	return wanted{parent: u.parent, deadline: u.deadline, pinned: u.options.pinned, endpoint: u.options.endpoint, aside: u.options.aside, method: u.method, request: u.args}
}

// attempt sends the request on a link once, and once more on another if this one is silent. It releases the link.
func (u *unary) attempt(ctx context.Context, l *member.Link) error {
	defer l.Release()
	var patience time.Duration
	if u.traits&slow == 0 {
		patience = u.conn.opts.hedgeDelay
	}
	u.link = l
	if !u.alive(l) {
		return etcderr.FromRPC(status.Error(codes.Unavailable, member.ErrSilent.Error()), etcderr.Call{
			Method: u.method, Endpoint: l.Address(), Cause: u.cause(),
		})
	}
	err := u.send(ctx, l, u.method, u.args, u.reply, u.options.rest, patience)
	if err == nil {
		l.HeardFrom(u.began)
		return nil
	}
	if u.left && u.cause() == nil {
		err = status.Errorf(codes.Unavailable, "endpoint frozen: %v", context.Cause(l.Service()))
	}
	limits := u.conn.limits().with(u.options.rest)
	return etcderr.FromRPC(err, etcderr.Call{
		Method: u.method, Endpoint: l.Address(), Sent: u.sent() && !limits.unsendable(err, u.args), Cause: u.cause(),
		Read: u.traits&read != 0, Silent: u.silence(), ReceiveLimit: limits.receive,
	})
}

// cause is why the SDK or the caller ended an attempt, nil where it ended by itself.
func (u *unary) cause() error {
	switch {
	case u.parent.Err() != nil:
		return tell.Ended(u.parent)
	case u.conn.life.Err() != nil:
		return ErrClosed
	case u.expired:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// renewToken gets another token than the one used, from the member that refused that, which is there.
func (u *unary) renewToken(ctx context.Context, l *member.Link, used *member.Token) error {
	if !l.Acquire() {
		return nil // the next attempt goes to another one
	}
	defer l.Release()
	if !u.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, u.deadline)
		defer cancel()
	}
	return l.RenewToken(ctx, used, u.began)
}

// unrenewed is the error of a call that was refused for its token where there is no other.
func (u *unary) unrenewed(err, failed error) error {
	var e *etcderr.Error
	if !errors.As(err, &e) {
		return err
	}
	cause := u.cause()
	if cause == nil {
		cause = failed
	}
	return etcderr.FromRPC(e.GRPCStatus().Err(), etcderr.Call{Method: e.Method(), Endpoint: e.Endpoint(), Sent: true, Cause: cause})
}

// alive reports whether an attempt may go out on its link, which it may not where a write finds that silent.
func (u *unary) alive(l *member.Link) bool {
	u.began = member.Clock()
	if !l.Quiet(u.began) {
		return true
	}
	p := l.Probe()
	return u.traits&read != 0 || p.Wait(u.ctx, u.deadline)
}
