// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/life"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// hurryEvery is how often a waiting call asks for another attempt to reconnect.
const hurryEvery = 250 * time.Millisecond

// picker finds links for the requests of a connection.
type picker struct {
	name     string // of the connection
	life     *life.Life
	set      *member.Set
	patience time.Duration
	transport
}

var _ call.Links = (*picker)(nil)

// transport is what all endpoints of a connection must have in common.
type transport struct {
	hasTLS bool // there is a TLS configuration
	secure bool // the transport is TLS
}

func transportOf(c *Config, addresses []member.Address) transport {
	secure := func(a member.Address) bool { return a.Secure }
	return transport{hasTLS: c.TLS != nil, secure: c.TLS != nil || slices.ContainsFunc(addresses, secure)}
}

// parse parses an address that does not come from the options of the connection, such as one from the member list.
func (t transport) parse(address string) (member.Address, error) {
	a, err := member.ParseAddress(address, t.hasTLS)
	if err == nil && a.Secure != t.secure {
		err = errors.New("the scheme does not match the transport of the connection") // a token might go in the clear
	}
	return a, err
}

// Pick acquires a link for a call: of the endpoint that it names, or the next one in turn, preferably of another
// endpoint than avoid's. If there is none, it waits while the connection has patience. last is the error that the
// call met before.
func (p *picker) Pick(w call.Wanted, avoid *member.Link, last error) (*member.Link, error) {
	if p.life.Err() != nil {
		return nil, connerr.Closed(p.name)
	}
	if !w.Pinned {
		if l := p.next(w, avoid); l != nil {
			return l, nil
		}
	}
	return p.await(w, avoid, last)
}

// next acquires a link in the rotation, or returns nil.
func (p *picker) next(w call.Wanted, avoid *member.Link) *member.Link {
	if w.ToLeader && avoid == nil {
		return p.set.Leader()
	}
	return p.set.Next(avoid)
}

// await waits for a link, and acquires it. It gives up when the outage has lasted for the connection's patience, or
// when the call's time is up.
func (p *picker) await(w call.Wanted, avoid *member.Link, last error) (*member.Link, error) {
	if e := p.set.Find(w.Endpoint); w.Pinned && w.AboutOneMember() && (e == nil || onStandby(e)) {
		return p.outside(w.Endpoint)
	}
	leaderless := w.NeedsNoLeader()
	timer := time.NewTimer(hurryEvery)
	defer timer.Stop()
	for {
		e, err := p.named(w)
		if err != nil {
			return nil, err
		}
		since, changed := p.set.Outage(e) // read before the look for a link, so that no change is missed
		if l := p.available(e, avoid, leaderless); l != nil {
			return l, nil
		}
		p.set.Hurry(e)
		left := hurryEvery
		if !since.IsZero() && !p.set.ComingBack(e) { // otherwise the last link has just left, and changed will close
			left = min(left, p.patience-time.Since(since))
		}
		if left <= 0 || onStandby(e) {
			select {
			case <-changed: // an endpoint has come back since the look for a link
				continue
			default:
				return nil, p.away(e, since, nil, last)
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
				return nil, p.away(e, since, context.DeadlineExceeded, last)
			}
		case <-w.Parent.Done():
			return nil, p.away(e, since, tell.Ended(w.Parent), last)
		case <-p.life.Done():
			return nil, connerr.Closed(p.name)
		}
	}
}

// away returns ErrUnavailable for an endpoint, or for nil all of them.
func (p *picker) away(e *member.Endpoint, since time.Time, ended, last error) error {
	u := &unavailable{conn: p.name, ended: ended, last: last}
	if !since.IsZero() {
		u.outage = time.Since(since)
	}
	if e == nil {
		u.endpoints = p.set.Info()
	} else {
		u.endpoints = []member.Snapshot{e.Snapshot()}
	}
	return u
}

// named returns the endpoint that the call names, or nil if any endpoint will do.
func (p *picker) named(w call.Wanted) (*member.Endpoint, error) {
	if !w.Pinned {
		return nil, nil
	}
	if e := p.set.Find(w.Endpoint); e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("%w: connection %q has no endpoint %q", connerr.ErrEndpoint, p.name, tell.Endpoint(w.Endpoint))
}

// available acquires a link that takes the call now: the endpoint's own, or for nil the next one in turn. leaderless
// says that the request needs no leader, so that a member without one may serve it.
func (p *picker) available(e *member.Endpoint, avoid *member.Link, leaderless bool) *member.Link {
	if e != nil {
		return e.Acquire(leaderless)
	}
	if l := p.set.Next(avoid); l != nil || !leaderless {
		return l
	}
	return p.set.Aside(avoid)
}

// onStandby reports whether mode Random keeps the endpoint in reserve. Nobody needs to wait for such an endpoint.
func onStandby(e *member.Endpoint) bool { return e != nil && e.OnStandby() }

// outside acquires a link for one call to an address that the connection does not use. So any member can be asked for
// its status or a snapshot, whether it is an endpoint or not.
func (p *picker) outside(address string) (*member.Link, error) {
	a, err := p.parse(address)
	if err != nil {
		return nil, member.BadEndpoint(address, err)
	}
	l, err := p.set.Outside(a)
	if errors.Is(err, connerr.ErrClosed) {
		return nil, connerr.Closed(p.name)
	}
	return l, err
}

// pickAlive acquires a link for a stream. A quiet link must give a sign of life first.
func (p *picker) pickAlive(w call.Wanted) (*member.Link, error) {
	var last error
	for {
		l, err := p.Pick(w, nil, last)
		if err == nil && !w.Pinned && l.Silent() {
			if other := p.Other(l); other != nil {
				l.Release()
				l = other
			}
		}
		if err != nil || !l.Quiet(member.Clock()) || l.Probe().Wait(w.Parent, w.Deadline) || l.InRotation() {
			return l, err
		}
		l.Release()
		last = member.ErrSilent
	}
}

// Other acquires a link of another endpoint than avoid's, or returns nil. The caller releases it.
func (p *picker) Other(avoid *member.Link) *member.Link { return p.set.Other(avoid) }

// refused returns ErrUnavailable because there is no endpoint. ended is the reason why a wait for one ended, or nil
// if there was no wait.
func (p *picker) refused(doing string, ended error) error {
	return &unavailable{conn: p.name, doing: doing, ended: ended, endpoints: p.set.Info()}
}

// Spelling returns an endpoint's address as Info has it, for any spelling of it. It returns any other text unchanged.
// It never blocks.
func (p *picker) Spelling(address string) string {
	if e := p.set.Find(address); e != nil {
		return e.Address()
	}
	return address
}

// Ready reports whether an endpoint takes requests now. It never blocks.
func (p *picker) Ready() bool {
	active, _ := p.set.Watch()
	return active > 0
}

// WaitReady waits until at least one endpoint is Active. It returns ErrClosed when the connection closes meanwhile, and
// an error that wraps ErrUnavailable and parent's error when parent ends first.
func (p *picker) WaitReady(parent context.Context) error {
	if parent == nil {
		return connerr.ErrNilContext
	}
	for {
		active, changed := p.set.Watch()
		switch {
		case p.life.Err() != nil:
			return connerr.ErrClosed
		case active > 0:
			return nil
		}
		select {
		case <-changed:
		case <-p.life.Done():
		case <-parent.Done():
			return p.refused("wait", tell.Ended(parent))
		}
	}
}
