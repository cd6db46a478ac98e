// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// run owns the key from the first request to the last.
func (p *Presence) run(life context.Context) {
	defer close(p.gone)
	defer context.AfterFunc(life, func() { p.stop(connerr.Closed(p.conn.Name())) })()
	p.inherit(life)
	for p.staying.Err() == nil {
		if err := p.round(); err != nil && p.staying.Err() == nil {
			p.trouble(err)
		}
	}
	p.leave(life)
}

// round does the next thing that brings the key to where it should be, or waits where there is none.
func (p *Presence) round() error {
	p.notice()
	switch {
	case p.staying.Err() != nil:
		return nil
	case p.returning:
		p.returning = false
		p.gather()
		return nil
	case p.watcher == nil:
		return p.read(p.staying)
	case p.foreign():
		p.lost(ErrHeld)
		p.idle(nil)
		p.returning = !p.foreign() // then it is this one's turn
		return nil
	case p.tenure == nil:
		return p.take()
	}
	newest := p.newest()
	if p.seen.lease != p.tenure.id || p.seen.value != newest.value {
		return p.put(newest)
	}
	p.there()
	p.settle(newest)
	p.idle(nil)
	return nil
}

// trouble decides what to do about a round that failed.
func (p *Presence) trouble(err error) {
	p.failed(err)
	p.mu.Lock()
	joins := p.stage == joining
	p.mu.Unlock()
	switch {
	case errors.Is(err, connerr.ErrClosed), joins && final(err):
		p.stop(err)
	default:
		p.returning = true
	}
}

// final reports whether the servers would refuse the same again.
func final(err error) bool {
	return claim.Final(err) && !errors.Is(err, etcderr.ErrLeaseNotFound)
}

// jitter spreads the returns of many processes when a cluster is back.
const jitter = 500 * time.Millisecond

// gather waits until requests may be sent: for an endpoint, for a pause, and for the turn of this presence among those of the
// connection. A key that is there is not left alone for longer than its lease is known to be valid.
func (p *Presence) gather() {
	waiting, cancel := p.valid()
	defer cancel()
	away := len(p.conn.Active()) == 0
	if away {
		if !errors.Is(p.met, connerr.ErrUnavailable) {
			p.failed(connerr.ErrUnavailable)
		}
		if p.conn.WaitReady(waiting) != nil || !wait.For(waiting, rand.N(jitter)) {
			return
		}
		p.pause.Reset()
		p.limit = attemptMin
	} else if !p.pause.Sleep(waiting) {
		return
	}
	cost := 1 // the put
	if p.tenure == nil && p.session == nil {
		cost += 2 // the grant and the first renewal
	}
	if p.watcher == nil {
		cost += 2 // the read and the watch
	}
	if turn := pacerOf(p.conn).reserve(cost); turn > 0 {
		wait.For(waiting, turn)
	}
}

// valid is staying, but not for longer than a key that is there is known to be so.
func (p *Presence) valid() (context.Context, context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage == present {
		return context.WithDeadline(p.staying, p.tenure.keeper.ValidUntil())
	}
	return context.WithCancel(p.staying)
}

// notice takes what has happened since the last round.
func (p *Presence) notice() {
	for p.watcher != nil {
		select {
		case response, ok := <-p.watcher.Chan():
			p.told(response, ok)
			continue
		default:
		}
		break
	}
	if p.tenure != nil && p.tenure.over() {
		p.drop(p.tenure.reason())
	}
}

// idle waits for what may be a reason to do something. more is nil or one more such thing.
func (p *Presence) idle(more <-chan struct{}) {
	var ended <-chan struct{}
	if p.tenure != nil {
		ended = p.tenure.keeper.Done()
	}
	var away <-chan struct{}
	if p.session != nil {
		away = p.session.staying.Done()
	}
	sweep, cancel := p.sweeping()
	defer cancel()
	select {
	case response, ok := <-p.watcher.Chan():
		p.told(response, ok)
	case <-p.wake:
	case <-ended:
	case <-more:
	case <-away:
		p.stop(sessionEnded(p.session))
	case <-sweep:
		p.sweep()
	case <-p.staying.Done():
	}
}

// An attempt may take this long before the next one is made, elsewhere: a member that is paused answers nothing. The time
// doubles from one attempt to the next, so that a cluster which is slow gets to answer.
const (
	attemptMin = 1500 * time.Millisecond
	attemptMax = 16 * time.Second
)

// ask makes one attempt.
func (p *Presence) ask(within context.Context, send func(attempt context.Context) error) error {
	if now, err := engine.Lookup(p.conn.Name()); err != nil || now != p.conn {
		return connerr.Closed(p.conn.Name()) // its name may be that of another cluster by now
	}
	attempt, cancel := context.WithTimeout(within, p.limit)
	defer cancel()
	err := send(attempt)
	switch {
	case err == nil, resume.Outage(err), final(err):
		p.limit = attemptMin
	default:
		p.limit = min(2*p.limit, attemptMax)
	}
	if err != nil && within.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(within), err)
	}
	return err
}
