// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
)

// Keep puts the key of WithKey, with the value of WithValue, under a lease of ttl, and keeps it there. It returns when the key
// is there. The presence stays until [Presence.Leave] or the end of parent. When parent ends, the presence deletes the key in the
// background.
//
// Keep waits without a limit of its own, also through an outage. parent and WithTimeout limit the wait, and the error says
// what Keep waited for. It also waits while the key exists under another lease: a predecessor that crashed leaves its key
// until its TTL has passed. If the time runs out then, the error wraps [ErrHeld]. A refusal such as
// etcderr.ErrPermissionDenied ends the wait, and so does a server that cannot renew leases, such as kine. A Keep that fails
// leaves no key behind: it cleans up for up to half a second, and in an outage the connection continues the cleanup. A lease whose
// answer is lost ends at the latest with its TTL.
//
// The ttl is that of lease.Grant: whole seconds, rounded up. The servers make it at least about 2 s. A ttl below 1 ms is
// kv.ErrInvalid. With [WithSession] it must be 0. Keep sends KV/Range, KV/Txn, Lease/LeaseGrant, LeaseKeepAlive and LeaseRevoke,
// and Watch/Watch.
func Keep(parent context.Context, c Request, ttl time.Duration, opts ...Option) (*Presence, error) {
	o := options{returns: true}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if err := check(parent, c, ttl, o); err != nil {
		return nil, err
	}
	to, err := engine.Lookup(sealed.Ctx(c).Conn())
	if err != nil {
		return nil, err
	}
	if o.session != nil && o.session.conn != to {
		return nil, render.AlsoInvalid(nil, "presence: the session of WithSession is on another connection")
	}
	if parent.Err() != nil {
		return nil, fmt.Errorf("presence: %w", tell.Ended(parent))
	}
	var session *Presence
	if o.session != nil {
		session = o.session.root()
	}
	p := newPresence(parent, to, sealed.Ctx(c).Key(), session)
	own := newOwner(p, ctx.New(sealed.Ctx(c).Conn()), ttl, o.returns)
	if session != nil {
		if err := session.admit(own.lodger); err != nil {
			return nil, err
		}
	}
	first, err := p.want(sealed.Ctx(c).Value())
	if err != nil {
		return nil, err
	}
	unbind := context.AfterFunc(parent, func() { p.stop(tell.Ended(parent)) })
	err = to.Go(func(life context.Context) {
		defer unbind()
		defer presencesOf(to).enlist(p)()
		defer own.quit()
		own.attend(life)
		leave(life, own)
	})
	if err != nil {
		own.quit()
		unbind()
		return nil, err
	}
	waiting, cancel := limited(parent, c)
	defer cancel()
	if err := p.await(waiting, first); err != nil {
		p.stop(errLeaving)
		waitDone(p, tidyTime)
		return nil, err
	}
	return p, nil
}

// tidyTime is how long a Keep that fails waits for its clean-up.
const tidyTime = 500 * time.Millisecond

// waitDone waits for the end of a presence, for as long as limit.
func waitDone(p *Presence, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.Done():
	case <-timer.C:
	}
}

func check(parent context.Context, c Request, ttl time.Duration, o options) error {
	err := render.Check(c, "a presence.Keep request", sealed.OptKey|sealed.OptValue)
	if sealed.Ctx(c).Key() == "" {
		err = render.AlsoInvalid(err, "presence: a presence needs WithKey")
	}
	if endpoint, given := sealed.Ctx(c).Endpoint(); given {
		err = render.AlsoInvalid(err, fmt.Sprintf(
			"presence: WithEndpoint(%q) does not apply, a presence uses every endpoint", tell.Endpoint(endpoint)))
	}
	if parent == nil {
		err = render.AlsoInvalid(err, "presence: the parent context is nil")
	}
	switch {
	case !o.shares:
		return leasettl.Check(err, "presence", ttl)
	case o.session == nil:
		err = render.AlsoInvalid(err, "presence: the session of WithSession is nil")
	case ttl != 0:
		err = render.AlsoInvalid(err, fmt.Sprintf(
			"presence: the ttl is %v, and with WithSession it is 0: the lease is that of the session", ttl))
	}
	return err
}

func limited(parent context.Context, c Request) (context.Context, context.CancelFunc) {
	if timeout, given := sealed.Ctx(c).Timeout(); given {
		return context.WithTimeout(parent, timeout)
	}
	return context.WithCancel(parent)
}
