// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/batch"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/hook"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

const (
	// renewalsMax is how many tokens a call tries.
	renewalsMax = 3
	// retriesMax is how often a read without any deadline is sent again.
	retriesMax = 10
)

// unary is one call with all its attempts.
type unary struct {
	flight
	shared      *common
	parent      context.Context
	method      string // in errors
	path        string // that carries the call: method, or KV/Txn for reads that travel together
	args, reply any
	options     Options
	traits      traits
	link        *member.Link  // of the attempt under way
	began       time.Duration // when it began, by the clock
	progress    *batch.Progress
	observed    *hook.Attempt              // the attempt under way; nil: nobody observes it
	tell        func(err error, lost bool) // tells hooks how it ended; made once, by the first attempt that is observed
}

func (u *unary) run(ctx context.Context) error {
	if u.parent.Err() != nil || u.shared.Life.Err() != nil {
		err := u.cause()
		return etcderr.FromRPC(err, etcderr.Call{Method: u.method, Cause: err})
	}
	var avoid *member.Link
	var last error
	renewals := 0
	for attempt := 0; ; attempt++ {
		l, err := u.shared.Links.Pick(u.wanted(), avoid, last)
		if err != nil {
			return err
		}
		if u.options.Own && l.Fragile() {
			l.Release()
			return u.spared(l)
		}
		used := u.shared.Tokens.Used()
		err = u.attempt(ctx, l)
		if err == nil {
			u.shared.budget.credit()
			return nil
		}
		if u.shared.Tokens.Refused(used, err) && renewals < renewalsMax && u.cause() == nil {
			if failed := u.renewToken(ctx, l, used); failed != nil {
				return u.unrenewed(err, failed)
			}
			if u.traits&read == 0 && etcderr.OutcomeOf(err) == etcderr.Unknown {
				return err // the server may have written before it asked for a newer token
			}
			if u.shared.Tokens.Used() != used {
				renewals++
			}
			continue
		}
		u.learn(l, err)
		u.progress.Fails(err)
		before := last
		avoid, last = l, err
		if u.is(left) {
			u.renew(u.parent)
			ctx = u.context(u.parent)
		}
		if !u.again(err) || !u.pause(attempt, err) {
			return u.ended(err, before)
		}
	}
}

// spared returns the error of a transaction that its member does not get, because its cancellation would crash the member. It has the
// form of a refusal, after which the reads go one by one. Users do not see it.
func (u *unary) spared(l *member.Link) error {
	return etcderr.FromRPC(status.Error(codes.Unimplemented, "a cancelled transaction may crash etcd "+l.Version()), etcderr.Call{
		Method: u.method, Endpoint: l.Address(), Sent: true, Read: true,
	})
}

func (u *unary) wanted() Wanted {
	w := Wanted{
		Parent: u.parent, Deadline: u.deadline, Pinned: u.options.Pinned, Endpoint: u.options.Endpoint, Method: u.method,
		Request: u.args, Aside: u.options.Aside, ToLeader: u.options.ToLeader,
	}
	if u.path != u.method {
		w.Request = nil // Aside says it already
	}
	return w
}

// attempt sends the request on a link once, and on a second link if the first one is silent. It releases the link.
func (u *unary) attempt(ctx context.Context, l *member.Link) error {
	defer l.Release()
	var patience time.Duration
	if u.traits&slow == 0 {
		patience = u.shared.HedgeDelay
	}
	u.link = l
	observed := u.options.Trace.Attempt(u.parent, l.Address(), false)
	if !u.alive(l) {
		err := etcderr.FromRPC(status.Error(codes.Unavailable, member.ErrSilent.Error()), etcderr.Call{
			Method: u.method, Endpoint: l.Address(), Cause: u.cause(),
		})
		observed.End(err, false)
		return err
	}
	if observed != nil {
		defer observed.End(hook.ErrCutOff, false) // where the attempt panics
		if u.tell == nil {
			u.tell = func(err error, lost bool) { u.observed.End(u.judge(u.link, err), lost) }
		}
		u.observed, u.over = observed, u.tell
	}
	u.progress.Begins(l.Address())
	u.timed = u.options.ToLeader
	err := u.send(ctx, l, u.path, u.args, u.reply, u.with(&u.options), patience)
	if err != nil {
		return u.judge(l, err)
	}
	if !u.saved { // otherwise the hedge has the answer, and this link may still be silent
		l.HeardFrom(u.began)
		u.answeredBy(l)
	}
	return nil
}

// answeredBy records whose answer the call has.
func (u *unary) answeredBy(l *member.Link) {
	u.options.Trace.AnsweredBy(l.Address())
	u.progress.AnsweredBy(l.Address())
}

// judge returns what an attempt's error means, nil for nil.
func (u *unary) judge(l *member.Link, err error) error {
	if err == nil {
		return nil
	}
	if u.is(left) && u.cause() == nil {
		err = status.Errorf(codes.Unavailable, "endpoint frozen: %s", tell.Public(l.Ended()))
	}
	if u.foreign(err) {
		err = status.Error(codes.Unknown, err.Error())
	}
	limits := u.shared.limits().With(u.options.Rest)
	return etcderr.FromRPC(err, etcderr.Call{
		Method: u.method, Endpoint: l.Address(), Cause: u.cause(),
		Sent: u.sent() && !member.Unsent(err) && !limits.Unsendable(err, u.args),
		Read: u.traits&read != 0, Silent: u.silence(), ReceiveLimit: limits.Receive,
	})
}

// foreign reports whether an attempt that was sent brought the error of another call, which an interceptor of the user made. It says
// nothing about this one.
func (u *unary) foreign(err error) bool {
	if !u.sent() || u.saved { // the refusal of a hedge is an error of this call
		return false
	}
	var e *etcderr.Error
	return errors.As(err, &e) || etcderr.OutcomeOf(err) == etcderr.NotSent
}

// cause returns why the SDK or the caller ended an attempt, or nil if it ended by itself.
func (u *unary) cause() error {
	switch {
	case u.parent.Err() != nil:
		return tell.Ended(u.parent)
	case u.shared.Life.Err() != nil:
		return connerr.ErrClosed
	case u.is(expired):
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// renewToken replaces the token that the link's member refused.
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

// unrenewed returns the error of a call that was refused for its token, when there is no other token.
func (u *unary) unrenewed(err, failed error) error {
	var e *etcderr.Error
	if !errors.As(err, &e) {
		return err
	}
	if cause := u.cause(); cause != nil {
		return e.WithCause(cause)
	}
	return e.WithCause(failed)
}

// alive reports whether an attempt may go out on its link. A write may not go out on a silent link.
func (u *unary) alive(l *member.Link) bool {
	u.began = member.Clock()
	if !l.Quiet(u.began) {
		return true
	}
	p := l.Probe()
	return u.traits&read != 0 || p.Wait(u.ctx, u.deadline)
}

// again decides whether the request may and should be sent again after err.
func (u *unary) again(err error) bool {
	return u.parent.Err() == nil && u.shared.Life.Err() == nil && u.repeats(err)
}

// repeats is what again decides while there is time.
func (u *unary) repeats(err error) bool {
	if u.link.Outside() && etcderr.OutcomeOf(err) == etcderr.NotSent {
		return false // nobody redials that address, so the caller gets the reason
	}
	return repeatable(err, u.traits, u.options.Pinned)
}

// pause waits before the next attempt, and reports whether there is one. There is none when the call's time is up.
func (u *unary) pause(attempt int, err error) bool {
	if u.deadline.IsZero() && u.traits&read != 0 && attempt >= retriesMax {
		return false
	}
	wait := retryWait(attempt)
	var e *etcderr.Error
	if attempt == 0 && errors.As(err, &e) && e.Outcome() != etcderr.Rejected {
		wait = 0 // the endpoint failed, not the cluster: another one can answer now
	}
	for n := attempt; ; n++ {
		if wait > 0 && !u.sleep(wait) {
			return false
		}
		if u.ctx.Err() != nil || (!u.deadline.IsZero() && !time.Now().Before(u.deadline)) {
			return false
		}
		if etcderr.OutcomeOf(err) == etcderr.NotSent || u.shared.budget.take() {
			return true
		}
		wait = retryWait(n)
	}
}

// sleep waits for d, but not beyond the deadline, the caller's context or the connection.
func (u *unary) sleep(d time.Duration) bool {
	if !u.deadline.IsZero() {
		d = min(d, time.Until(u.deadline))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-u.parent.Done():
	case <-u.shared.Life.Done():
	}
	return false
}

// ended returns the error of a call that gets no further attempt. It holds the last answer, and the reason if the
// call's time or connection ended in between. An attempt that was cut short has no answer. Then before, the error of
// an earlier attempt, says why the call was still under way.
func (u *unary) ended(err, before error) error {
	var e *etcderr.Error
	if !errors.As(err, &e) {
		return err
	}
	cause := u.cause()
	if cause == nil && !u.deadline.IsZero() && u.repeats(err) && !time.Now().Before(u.deadline) {
		cause = context.DeadlineExceeded // the caller's context may say the same only a moment later
	}
	switch {
	case cause == nil:
		return err
	case !errors.Is(err, cause) && !errors.Is(err, context.Cause(u.parent)):
		return e.WithCause(cause)
	case before != nil:
		return e.WithBefore(before)
	default:
		return err
	}
}

// learn draws conclusions about the endpoint from a failed call.
func (u *unary) learn(l *member.Link, err error) {
	switch {
	case errors.Is(err, etcderr.ErrNoLeader):
		l.Leaderless()
	case etcderr.OutcomeOf(err) == etcderr.Unknown && u.parent.Err() == nil:
		l.Doubt()
	}
}
