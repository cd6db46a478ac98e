// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
)

// This file has the ways of an endpoint into service and out of it. The table in phase.go shows them.

// enter changes the phase. The caller holds the endpoint's lock.
func (e *Endpoint) enter(p phase) {
	if p.serves() != e.phase.serves() {
		e.since = time.Now()
	}
	e.phase = p
}

// activate puts a new link into service.
func (e *Endpoint) activate(l *Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.enter(active)
	e.link, e.aside, e.err = l, nil, nil
	e.via = l.dialled
	e.group.rotation.add(l)
	// A link that gave no sign of life ends now that there is a new one. Its reads move, and its streams are opened
	// again.
	for _, d := range e.drained {
		if d.dead.Load() {
			d.retire(ErrLost)
		}
	}
}

// drain removes a link from the rotation because its transport takes no more calls. It does nothing if the link has
// left already.
func (e *Endpoint) drain(l *Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link != l || !l.InRotation() {
		return
	}
	e.enter(returning)
	e.link = nil
	e.drained = append(e.drained, l)
	l.lose(ErrLost)
	e.group.rotation.remove(l, false)
	e.wake()
}

// endDrained ends the streams on the drained links. The caller holds the endpoint's lock.
func (e *Endpoint) endDrained(cause error) {
	for _, l := range e.drained {
		l.retire(cause)
	}
	e.drained = nil
}

// forget drops a drained link that has been closed.
func (e *Endpoint) forget(l *Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drained = slices.DeleteFunc(e.drained, func(d *Link) bool { return d == l })
}

// freeze takes the endpoint out of service if l is its link in the rotation. A missing leader is a state of the
// cluster, not of one member, if no other endpoint is in the rotation. The last link stays for that reason, so that
// calls wait for the election instead of failing.
func (e *Endpoint) freeze(l *Link, cause error) {
	keepLast := !e.group.Random && errors.Is(cause, etcderr.ErrNoLeader)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.group.rotation.remove(l, keepLast) {
		return
	}
	e.enter(frozen)
	e.link, e.err = nil, cause
	l.retire(cause)
	e.endDrained(cause)
	if servesLittle(cause) && e.life.Err() == nil {
		e.aside = newLink(e, e.group.Config, l.transport)
	}
	e.wake()
}

func (e *Endpoint) leaderless(l *Link) { e.freeze(l, etcderr.ErrNoLeader) }

// begin records the start of an attempt to connect, and returns the link that is aside.
func (e *Endpoint) begin() (aside *Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retryAt = time.Time{}
	return e.aside
}

// plan records when the next attempt is due.
func (e *Endpoint) plan(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retryAt = at
}

// fail records that an attempt failed with err, and that the next one comes after wait. It returns the reason why the
// endpoint is frozen.
func (e *Endpoint) fail(err error, wait time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.phase == returning && !errors.Is(err, ErrLost) {
		e.endDrained(err)
		err = fmt.Errorf("%w: %w", ErrLost, err)
	}
	e.enter(frozen)
	e.err, e.retryAt = err, time.Now().Add(wait)
	return err
}

// putAside keeps a transport aside.
func (e *Endpoint) putAside(t *transport) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.aside = newLink(e, e.group.Config, t)
}

// takeAside returns the link that is aside, and clears it.
func (e *Endpoint) takeAside() *Link {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.aside
	e.aside = nil
	return l
}

// isAside reports whether the endpoint keeps the transport of a link aside after the link left service.
func (e *Endpoint) isAside(l *Link) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.aside != nil && e.aside.transport == l.transport
}

// Withdraw retires the endpoint. It takes no new calls, and those under way go on.
func (e *Endpoint) Withdraw(why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link != nil {
		if e.group.Random {
			e.group.searching.Store(true) // its place is taken by another one
		}
		e.group.rotation.remove(e.link, false)
	}
	e.end(why)
}

// retired records that the endpoint has left the connection.
func (e *Endpoint) retired() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.enter(retired)
	e.link, e.err, e.retryAt = nil, context.Cause(e.life), time.Time{}
}
