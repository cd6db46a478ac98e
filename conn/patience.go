// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/refusal"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// hurryEvery is how often a waiting call asks for another attempt to reconnect.
const hurryEvery = 250 * time.Millisecond

// Pick acquires a link for a call: of the endpoint named, or the next in turn, one of another endpoint than avoid where
// there is one. Where there is none, it waits while the connection has patience. last is what the call met before.
func (c *Conn) Pick(w call.Wanted, avoid *member.Link, last error) (*member.Link, error) {
	if c.life.Err() != nil {
		return nil, refusal.Closed(c.name)
	}
	if !w.Pinned {
		if l := c.set.Next(avoid); l != nil {
			return l, nil
		}
	}
	return c.await(w, avoid, last)
}

// await acquires a link once there is one. It gives up when the outage has lasted for the patience of the connection,
// and when the call's time is up.
func (c *Conn) await(w call.Wanted, avoid *member.Link, last error) (*member.Link, error) {
	if e := c.set.Find(w.Endpoint); w.Pinned && w.AboutOneMember() && (e == nil || onStandby(e)) {
		return c.outside(w.Endpoint)
	}
	leaderless := w.NeedsNoLeader()
	timer := time.NewTimer(hurryEvery)
	defer timer.Stop()
	for {
		e, err := c.named(w)
		if err != nil {
			return nil, err
		}
		since, changed := c.set.Outage(e) // before the look for a link, so that no change is missed
		if l := c.available(e, avoid, leaderless); l != nil {
			return l, nil
		}
		c.set.Hurry(e)
		left := hurryEvery
		if !since.IsZero() && !c.set.ComingBack(e) { // else the last link left just now, and there will be a change
			left = min(left, c.opts.patience-time.Since(since))
		}
		if left <= 0 || onStandby(e) {
			select {
			case <-changed: // an endpoint has come back since the look for a link
				continue
			default:
				return nil, c.away(e, since, nil, last)
			}
		}
		if !w.Deadline.IsZero() {
			left = min(left, time.Until(w.Deadline))
		}
		timer.Reset(left)
		select {
		case <-changed:
		case <-timer.C:
			if !w.Deadline.IsZero() && !time.Now().Before(w.Deadline) {
				return nil, c.away(e, since, context.DeadlineExceeded, last)
			}
		case <-w.Parent.Done():
			return nil, c.away(e, since, tell.Ended(w.Parent), last)
		case <-c.life.Done():
			return nil, refusal.Closed(c.name)
		}
	}
}

// away is ErrUnavailable of an endpoint, with nil of all of them.
func (c *Conn) away(e *member.Endpoint, since time.Time, ended, last error) error {
	u := &unavailable{conn: c.name, ended: ended, last: last}
	if !since.IsZero() {
		u.outage = time.Since(since)
	}
	if e == nil {
		u.endpoints = c.set.Info()
	} else {
		u.endpoints = []member.Snapshot{e.Snapshot()}
	}
	return u
}

// named is the endpoint that the call is for, nil where any will do.
func (c *Conn) named(w call.Wanted) (*member.Endpoint, error) {
	if !w.Pinned {
		return nil, nil
	}
	if e := c.set.Find(w.Endpoint); e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("%w: connection %q has no endpoint %q", ErrEndpoint, c.name, tell.Endpoint(w.Endpoint))
}

// available acquires a link that takes the call now: the endpoint's own, or with nil the next in turn. A request that is
// leaderless, as it needs no leader, may go to a member that has none.
func (c *Conn) available(e *member.Endpoint, avoid *member.Link, leaderless bool) *member.Link {
	if e != nil {
		return e.Acquire(leaderless)
	}
	if l := c.set.Next(avoid); l != nil || !leaderless {
		return l
	}
	return c.set.Aside(avoid)
}

// onStandby reports whether mode Random keeps the endpoint for when others fail; nobody need wait for that.
func onStandby(e *member.Endpoint) bool { return e != nil && e.OnStandby() }

// outside acquires a link for one call to an address that the connection does not use: a member that the member list or the
// caller names can be asked for its status, or for a snapshot, whether it is an endpoint or not.
func (c *Conn) outside(address string) (*member.Link, error) {
	a, err := member.ParseAddress(address, c.opts.tls != nil)
	if err == nil && a.Secure != c.secure {
		err = errors.New("the scheme does not match the transport of the connection") // a token might go in the clear
	}
	if err != nil {
		return nil, member.BadEndpoint(address, err)
	}
	l, err := c.set.Outside(a)
	if errors.Is(err, ErrClosed) {
		return nil, refusal.Closed(c.name)
	}
	return l, err
}

// pickAlive acquires a link for a stream, one that is not quiet or gives a sign of life.
func (c *Conn) pickAlive(w call.Wanted) (*member.Link, error) {
	var last error
	for {
		l, err := c.Pick(w, nil, last)
		if err != nil || !l.Quiet(member.Clock()) || l.Probe().Wait(w.Parent, w.Deadline) || !l.InRotation() {
			return l, err
		}
		l.Release()
		last = member.ErrSilent
	}
}

// Other acquires a link of another endpoint than that of avoid; nil when there is none. The caller releases it.
func (c *Conn) Other(avoid *member.Link) *member.Link { return c.set.Other(avoid) }
