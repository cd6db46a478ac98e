// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in every
// package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Presence is a key that comes back. Its methods are safe for concurrent use.
type Presence struct {
	conn    *engine.Conn
	name    string    // of its key
	session *Presence // whose lease it shares; nil with a lease of its own
	lodgers lodgers   // those that share its lease
	view    view
	values  values

	base    context.Context         // has the values of the parent context, without its end
	staying context.Context         // ends when the presence has to end; its cause is why
	stop    context.CancelCauseFunc // ends staying
}

func newPresence(parent context.Context, to *engine.Conn, name string, session *Presence) *Presence {
	p := &Presence{
		conn: to, name: name, session: session, view: newView(), values: values{wake: make(chan struct{}, 1)},
		base: context.WithoutCancel(parent),
	}
	p.staying, p.stop = context.WithCancelCause(p.base)
	return p
}

// State returns whether the key is there. It calls no server. It compares the time of the lease with the clock, so it reports the
// loss at once in a process that was stopped for longer than the TTL.
func (p *Presence) State() State { return p.view.state() }

// Changes returns the present state, and then each change of it. A slow reader misses all but the newest state, and delays
// nothing. The sequence ends with the presence, after the last state. Any number of loops may run at once, and each one gets its
// own sequence.
func (p *Presence) Changes() iter.Seq[State] {
	return func(yield func(State) bool) {
		for told := -1; ; {
			now, shows, changed, over := p.view.next()
			switch {
			case shows != told:
				if told = shows; !yield(now) {
					return
				}
			case over:
				return
			default:
				<-changed
			}
		}
	}
}

// Done returns a channel that is closed at the end of the presence. That is when the key is gone after Leave, after the end of
// parent or after that of the session, when it is lost in a presence [WithoutReturn], and when the connection is closed.
func (p *Presence) Done() <-chan struct{} { return p.view.done }

// Err returns why the presence ended: the reason of the loss with [WithoutReturn], [ErrSession], the error of its parent context
// or conn.ErrClosed. It is nil before Done is closed, and after Leave.
func (p *Presence) Err() error {
	select {
	case <-p.view.done:
	default:
		return nil
	}
	if cause := context.Cause(p.staying); !errors.Is(cause, errLeaving) {
		return cause
	}
	return nil
}

// Set gives the key another value, and returns when the servers have it. While the key is absent, Set waits until it is back.
// The newest value wins: of several calls at once, the servers may see only the last value.
//
// Set waits until the deadline of parent, or for 5 s if there is none (conn.WithDefaultTimeout). A Set that runs out of time
// still counts: the key gets its value as soon as the servers can be reached, unless a newer Set follows. If the servers refuse a
// value, for example because it is too large, Set returns their error and the key keeps the value that it had. After the end of
// the presence Set returns [ErrLeft].
//
// It sends KV/Txn.
func (p *Presence) Set(parent context.Context, value string) error {
	if parent == nil {
		return render.AlsoInvalid(nil, "presence: the parent context is nil")
	}
	if parent.Err() != nil {
		return fmt.Errorf("presence: %w", tell.Ended(parent))
	}
	s, err := p.want(value)
	if err != nil {
		return err
	}
	waiting, cancel := p.within(parent)
	defer cancel()
	return p.await(waiting, s)
}

// Leave deletes the key, and returns when it is gone. It revokes the lease or, with [WithSession], deletes the key. The presence
// never puts the key again, whatever Leave returns. If another client has overwritten the key, Leave does not touch that and
// returns nil.
//
// Leave waits until the deadline of parent, or for 5 s if there is none (conn.WithDefaultTimeout). In an outage the error is that
// deadline, and the connection goes on in the background until the servers answer or it is closed. If no server answers, the key is
// there until its lease runs out. A second Leave waits again. On a closed connection Leave returns conn.ErrClosed.
//
// It sends Lease/LeaseRevoke or KV/Txn.
func (p *Presence) Leave(parent context.Context) error {
	if parent == nil {
		return render.AlsoInvalid(nil, "presence: the parent context is nil")
	}
	p.stop(errLeaving)
	waiting, cancel := p.within(parent)
	defer cancel()
	select {
	case <-p.view.done:
		return p.view.untidy
	case <-waiting.Done():
	}
	select {
	case <-p.view.done:
		return p.view.untidy
	default:
	}
	met := p.view.lastMet()
	if met == nil {
		return fmt.Errorf("presence: the key may be there until its lease runs out: %w", tell.Ended(waiting))
	}
	return fmt.Errorf("presence: the key may be there until its lease runs out: %w; before that: %w", tell.Ended(waiting), met)
}

// within is parent with the default time where it has no deadline.
func (p *Presence) within(parent context.Context) (context.Context, context.CancelFunc) {
	if _, given := parent.Deadline(); given {
		return context.WithCancel(parent)
	}
	return context.WithTimeout(parent, p.conn.DefaultTimeout())
}

// want makes a value the newest one.
func (p *Presence) want(value string) (*setting, error) {
	if p.staying.Err() != nil {
		return nil, p.over()
	}
	return p.values.want(value), nil
}

// over is the error of a call that comes too late.
func (p *Presence) over() error {
	if cause := context.Cause(p.staying); !errors.Is(cause, errLeaving) {
		return fmt.Errorf("%w: %w", ErrLeft, cause)
	}
	return ErrLeft
}

// await waits until the servers have a value.
func (p *Presence) await(waiting context.Context, s *setting) error {
	select {
	case <-s.settled:
		return s.err
	case <-p.staying.Done():
	case <-waiting.Done():
	}
	if !p.values.abandon(s) {
		return s.err
	}
	reason := tell.Ended(waiting)
	if p.staying.Err() != nil {
		if s.number > 1 {
			return p.over()
		}
		reason = context.Cause(p.staying)
	}
	if met := p.view.trouble(); met != nil && !errors.Is(reason, met) {
		return fmt.Errorf("presence: %w; before that: %w", reason, met)
	}
	return fmt.Errorf("presence: %w", reason)
}

// root is the presence whose lease a session shares.
func (p *Presence) root() *Presence {
	if p.session != nil {
		return p.session
	}
	return p
}

// ended is the error of what needs the lease of a session that has ended.
func (p *Presence) ended() error { return fmt.Errorf("%w: %w", ErrSession, p.over()) }

// admit takes another presence into this session.
func (p *Presence) admit(l *lodger) error {
	if p.staying.Err() != nil {
		return fmt.Errorf("presence: %w", p.ended())
	}
	if l.key == p.name || !p.lodgers.enter(l) {
		return render.AlsoInvalid(nil, fmt.Sprintf("presence: the session of WithSession keeps the key %q already", l.key))
	}
	return nil
}
