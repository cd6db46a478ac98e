// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// State is whether the key is there.
type State struct {
	Present bool      // the key is there, under the lease; a value that Set is about to write may be missing yet
	Rev     int64     // revision of the last put of the key; 0 while it is absent
	Lease   int64     // ID of the lease; 0 while it is absent
	Since   time.Time // since when Present is what it is
	// Err says why the key is absent, and what the last attempt to return has met. It is nil while Present, and after Leave.
	Err error
}

// stage is the state of a presence:
//
//	state    event                                               next
//	joining  the key is put and the servers have answered        present
//	         the key is there under another lease                joining: Keep waits until that is gone
//	         an outage, or what passes                           joining: the same again, with a pause
//	         the servers refuse it, or Keep gives up             leaving
//	present  the lease is lost, or may be; the key is deleted,
//	         overwritten or taken over; the store has gone back  absent, or with WithoutReturn leaving
//	         a value of Set, or a late put of an older one       present: put again
//	absent   the key is put and the servers have answered        present
//	         the key is there under another lease                absent: it waits until that is gone
//	         an outage, or anything that is refused              absent: the same again, with a pause
//	any of   Leave, the end of parent, the end of the session    leaving
//	these    the connection is closed                            ended
//	leaving  the lease is revoked, or the key is deleted         left
//	         an outage, or what passes                           leaving: the same again, with a pause
//	         the servers refuse it, or the connection is closed  ended
//	left     -                                                   the key is gone
//	ended    -                                                   nothing is known of the key; its lease runs out
//
// In joining, present and absent a put is always under the present lease, and the server carries it out only if the key is as it
// was seen last: missing, without a lease, or under a lease that the presence has or had. One goroutine (attend.go) does all of
// it, so that one request at most is under way. In leaving nothing is put any more. A put without an answer may still be on its
// way: it fails with the lease that leaving revokes, since the ID is of one grant that was answered.
type stage uint8

const (
	joining stage = iota
	present
	absent
	leaving
	left
	ended
)

// State returns whether the key is there. It looks at the clock, so a process that was stopped for longer than the TTL is told
// of the loss at once. It calls no server.
func (p *Presence) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	return p.shown
}

// Changes returns the state, at once, and then each change of it. A reader that is slow gets the newest state only, and holds up
// nothing. The sequence ends with the presence, after the last state. Every range over it is a reader of its own.
func (p *Presence) Changes() iter.Seq[State] {
	return func(yield func(State) bool) {
		for told := -1; ; {
			p.mu.Lock()
			p.look()
			now, shows, changed, over := p.shown, p.shows, p.changed, p.stage >= left
			p.mu.Unlock()
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

// Done returns a channel that is closed at the end of the presence: when the key is gone after Leave or the end of parent, with
// WithoutReturn when it is lost, and when the connection is closed.
func (p *Presence) Done() <-chan struct{} { return p.done }

// Err returns why the presence ended: the reason of the loss with WithoutReturn, [ErrSession], the error of its parent context or
// conn.ErrClosed. It is nil until Done, and after Leave.
func (p *Presence) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	if cause := context.Cause(p.staying); !errors.Is(cause, errLeaving) {
		return cause
	}
	return nil
}

// look shows a present key as absent where the clock says that its lease may have ended. The lock is held.
func (p *Presence) look() {
	if p.stage == present && p.tenure.over() {
		p.show(absent, State{Err: p.tenure.reason()})
	}
}

// show notes a state. The lock is held.
func (p *Presence) show(to stage, s State) {
	s.Since = p.shown.Since
	if p.stage == joining || s.Present != p.shown.Present {
		s.Since = time.Now()
	}
	same := s.Present == p.shown.Present && s.Rev == p.shown.Rev && s.Lease == p.shown.Lease && text(s.Err) == text(p.shown.Err)
	p.stage = to
	if !same {
		p.shown = s
		p.shows++
		p.change()
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// change tells those who wait for one. The lock is held.
func (p *Presence) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// there notes that the key is there.
func (p *Presence) there() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tenure.over() {
		return
	}
	if p.back.IsZero() {
		p.back = time.Now()
	}
	p.show(present, State{Present: true, Rev: p.seen.mod, Lease: p.tenure.id})
}

// settled is for how long a key has to have been there for the next pause to be the shortest.
const settled = 10 * time.Second

// lost notes why the key is not there. With WithoutReturn that is the end.
func (p *Presence) lost(reason error) {
	p.returning = true
	if !p.back.IsZero() && time.Since(p.back) >= settled {
		p.pause.Reset()
	}
	p.back = time.Time{}
	p.mu.Lock()
	p.look()
	joins := p.stage == joining
	switch {
	case joins:
		p.met = reason
	case p.stage == present, errors.Is(reason, ErrHeld) && !errors.Is(p.shown.Err, ErrHeld):
		p.show(absent, State{Err: reason})
	}
	reason = p.shown.Err
	p.mu.Unlock()
	if !joins && !p.returns {
		p.stop(reason)
	}
}

// failed notes what an attempt has met.
func (p *Presence) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.met = err
	if p.stage != absent {
		return
	}
	reason := p.shown.Err
	var before *meanwhile
	if errors.As(reason, &before) {
		reason = before.reason
	}
	p.show(absent, State{Err: &meanwhile{reason, err}})
}

// meanwhile is why a key is absent, with what the last attempt to return has met.
type meanwhile struct{ reason, met error }

func (m *meanwhile) Error() string   { return fmt.Sprintf("%v; since then: %v", m.reason, m.met) }
func (m *meanwhile) Unwrap() []error { return []error{m.reason, m.met} }
