// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/internal/refusal"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// hurryEvery is how often a waiting call asks for another attempt to reconnect.
const hurryEvery = 250 * time.Millisecond

// wanted is what a call needs in order to find an endpoint.
type wanted struct {
	parent   context.Context
	deadline time.Time // until when it may wait; zero: as long as parent
	pinned   bool      // to endpoint
	endpoint string
	method   string
	request  any  // nil for a stream
	aside    bool // a member without a leader will do, whatever the request
}

// pick acquires a link for a call: of the endpoint named, or the next in turn, one of another endpoint than avoid where
// there is one. Where there is none, it waits while the connection has patience. last is what the call met before.
func (c *Conn) pick(w wanted, avoid *endpoint, last error) (*link, error) {
	if c.life.Err() != nil {
		return nil, refusal.Closed(c.name)
	}
	if !w.pinned {
		if l := c.rotation.next(avoid); l != nil {
			return l, nil
		}
	}
	return c.await(w, avoid, last)
}

// await acquires a link once there is one. It gives up when the outage has lasted for the patience of the connection,
// and when the call's time is up.
func (c *Conn) await(w wanted, avoid *endpoint, last error) (*link, error) {
	if e := c.find(w.endpoint); w.pinned && methods[w.method]&local != 0 && (e == nil || e.onStandby()) {
		return c.outside(w.endpoint)
	}
	leaderless := w.aside || needsNoLeader(w.method, w.request)
	timer := time.NewTimer(hurryEvery)
	defer timer.Stop()
	for {
		e, err := c.named(w)
		if err != nil {
			return nil, err
		}
		since, changed := c.rotation.outage(e) // before the look for a link, so that no change is missed
		if l := c.available(e, avoid, leaderless); l != nil {
			return l, nil
		}
		c.hurry(e)
		left := hurryEvery
		if !since.IsZero() && !c.comingBack(e) { // else the last link left just now, and there will be a change
			left = min(left, c.opts.patience-time.Since(since))
		}
		if left <= 0 || e.onStandby() {
			select {
			case <-changed: // an endpoint has come back since the look for a link
				continue
			default:
				return nil, c.away(e, since, nil, last)
			}
		}
		if !w.deadline.IsZero() {
			left = min(left, time.Until(w.deadline))
		}
		timer.Reset(left)
		select {
		case <-changed:
		case <-timer.C:
			if !w.deadline.IsZero() && !time.Now().Before(w.deadline) {
				return nil, c.away(e, since, context.DeadlineExceeded, last)
			}
		case <-w.parent.Done():
			return nil, c.away(e, since, tell.Ended(w.parent), last)
		case <-c.life.Done():
			return nil, refusal.Closed(c.name)
		}
	}
}

// away is ErrUnavailable of an endpoint, with nil of all of them.
func (c *Conn) away(e *endpoint, since time.Time, ended, last error) error {
	u := &unavailable{conn: c.name, ended: ended, last: last}
	if !since.IsZero() {
		u.outage = time.Since(since)
	}
	if e == nil {
		u.endpoints = c.Info()
	} else {
		u.endpoints = []Endpoint{e.snapshot()}
	}
	return u
}

// named is the endpoint that the call is for, nil where any will do.
func (c *Conn) named(w wanted) (*endpoint, error) {
	if !w.pinned {
		return nil, nil
	}
	if e := c.find(w.endpoint); e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("%w: connection %q has no endpoint %q", ErrEndpoint, c.name, tell.Endpoint(w.endpoint))
}

// available acquires a link that takes the call now: the endpoint's own, or with nil the next in turn. A request that is
// leaderless, as it needs no leader, may go to a member that has none.
func (c *Conn) available(e *endpoint, avoid *endpoint, leaderless bool) *link {
	if e != nil {
		return e.acquire(leaderless)
	}
	if l := c.rotation.next(avoid); l != nil || !leaderless {
		return l
	}
	return c.acquireAside(avoid)
}

// acquire acquires the endpoint's own link, nil where there is none. That to a learner takes everything: the learner itself
// says what it refuses.
func (e *endpoint) acquire(leaderless bool) *link {
	e.mu.Lock()
	l := e.link
	if l == nil && e.aside != nil && (leaderless || e.aside.vitals.Load().learner) {
		l = e.aside
	}
	e.mu.Unlock()
	if l != nil && l.acquire() {
		return l
	}
	return nil
}

// onStandby reports whether mode Random keeps the endpoint for when others fail; nobody need wait for that.
func (e *endpoint) onStandby() bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err == errStandby
}
