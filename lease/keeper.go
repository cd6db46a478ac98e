// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Keeper keeps a lease alive until it is closed, its context ends, or the lease is lost. Its methods are safe for
// concurrent use.
//
// The lease counts as valid until its last acknowledged renewal was sent, plus its TTL, on the monotonic clock: the
// server does not let it expire earlier. Done, Err and ValidUntil look at the clock when they are called, so a process
// that was stopped for longer than the TTL learns of the loss from the first of them, even before its timers have run.
// (Where the whole machine was suspended, the clock may have stood still too.)
type Keeper struct {
	lease  *held
	done   chan struct{}
	err    error       // set before done is closed
	ended  bool        // guarded by the hub's lock, as is unbind
	unbind func() bool // lets go of the parent context; nil until it is bound
}

// KeepAlive keeps a lease alive, with a renewal every third of its TTL, give or take a tenth. It returns when the first
// one has been acknowledged. parent bounds the life of the Keeper. WithTimeout bounds the wait for the first renewal; the
// default is that of the connection, 5 s, whatever deadline parent has. Nothing needs to be read from the Keeper, and it costs no goroutine.
//
// The leases of a connection are renewed over one stream, which moves on to another endpoint when its member fails or
// falls silent; with WithEndpoint there is one for the leases of that endpoint, and it stays there. A lease that is kept
// by several Keepers is renewed once for all.
//
// A lease that is gone is [etcderr.ErrLeaseNotFound]. One that has not been renewed here before is asked for three times
// within 250 ms until that is believed: leaders of before 2022 may not know yet what another member has just granted.
// With no Active endpoint KeepAlive waits for one while the connection has patience, and fails with conn.ErrUnavailable
// after that; a Keeper that is at work goes on trying. A server that has no such call, as kine, refuses it at once,
// with the code Unimplemented. It calls Lease/LeaseKeepAlive.
func KeepAlive(parent context.Context, c Request, id int64) (*Keeper, error) {
	to, at, err := destination(parent, c)
	if err != nil {
		return nil, err
	}
	if parent.Err() != nil {
		return nil, notKept(parent, false, nil)
	}
	timeout, given := c.Timeout()
	if !given {
		timeout = to.DefaultTimeout()
	}
	creating, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	k := &Keeper{done: make(chan struct{})}
	renewed, err := hubOf(to).join(k, id, at)
	if err != nil {
		return nil, err
	}
	select {
	case <-renewed:
	case <-k.done:
		return nil, k.err
	case <-creating.Done():
		met := k.lease.renewer.met()
		k.leave(nil)
		return nil, notKept(creating, true, met)
	}
	k.bind(parent)
	return k, nil
}

// destination is where a request for renewals is to go.
func destination(parent context.Context, c ctx.Ctx) (*engine.Conn, place, error) {
	err := c.Check("a lease keep-alive request", 0)
	if parent == nil {
		err = ctx.AlsoInvalid(err, "lease: the parent context is nil")
	}
	if err != nil {
		return nil, place{}, err
	}
	to, err := engine.Lookup(c.Conn())
	if err != nil {
		return nil, place{}, err
	}
	endpoint, pinned := c.Endpoint()
	return to, place{endpoint: to.Spelling(endpoint), pinned: pinned}, nil
}

// bind ends the Keeper with parent.
func (k *Keeper) bind(parent context.Context) {
	if parent.Done() == nil {
		return
	}
	unbind := context.AfterFunc(parent, func() { k.leave(tell.Ended(parent)) })
	h := k.lease.renewer.hub
	h.lock()
	defer h.unlock()
	k.unbind = unbind
	if k.ended {
		h.unbound = append(h.unbound, unbind)
	}
}

// finish ends the Keeper, and reports whether it had not ended before. The hub's lock is held.
func (k *Keeper) finish(err error) bool {
	if k.ended {
		return false
	}
	k.ended, k.err = true, err
	if k.unbind != nil {
		h := k.lease.renewer.hub
		h.unbound = append(h.unbound, k.unbind)
	}
	close(k.done)
	return true
}

// leave ends the Keeper from this side.
func (k *Keeper) leave(err error) {
	k.look()
	r := k.lease.renewer
	r.hub.lock()
	defer r.hub.unlock()
	if k.finish(err) {
		r.leave(k)
	}
}

// look ends the Keeper if the clock says that its lease may have expired.
func (k *Keeper) look() {
	l := k.lease
	if now := l.renewer.now(); time.Duration(l.validUntil.Load()) <= now {
		l.renewer.lapse(l)
	}
}

// ID returns the ID of the lease.
func (k *Keeper) ID() int64 { return k.lease.id }

// TTL returns the time to live that the server gave the lease with the last renewal.
func (k *Keeper) TTL() time.Duration { return time.Duration(k.lease.ttl.Load()) }

// ValidUntil returns until when the lease is known to be valid: when its last acknowledged renewal was sent, plus the TTL.
// For a lease that is known to be gone that lies in the past.
func (k *Keeper) ValidUntil() time.Time {
	k.look()
	return k.lease.renewer.epoch.Add(time.Duration(k.lease.validUntil.Load()))
}

// Done returns a channel that is closed when the Keeper has ended: by Close, with its context, or because the lease is
// gone or may be. That is when the server says so, which it does within one renewal of a Revoke, and otherwise at
// ValidUntil.
func (k *Keeper) Done() <-chan struct{} {
	k.look()
	return k.done
}

// Err returns why the Keeper ended: [ErrExpired], [etcderr.ErrLeaseNotFound] where the server says that the lease is gone,
// the error of its context together with the cause, conn.ErrClosed, or the error with which the server refuses to renew
// the lease. It is nil while the Keeper is at work, and after Close.
func (k *Keeper) Err() error {
	if !k.over() {
		return nil
	}
	return k.err
}

// Close stops renewing the lease, unless another Keeper keeps it too. It does not revoke the lease, which lives on until
// its TTL has passed. It always returns nil, and may be called more than once.
func (k *Keeper) Close() error {
	k.leave(nil)
	return nil
}
