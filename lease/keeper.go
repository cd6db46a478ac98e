// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"iter"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Keeper keeps a lease alive until it is closed, its context ends, or the lease is lost. [KeepAlive] makes one. A Keeper works by
// itself: nothing has to be read from it, and it costs no goroutine. Its methods are safe for concurrent use, and none of them
// calls a server.
//
// The lease counts as valid for its TTL after the last acknowledged renewal was sent, because the server does not let it expire
// earlier. etcd's gRPC proxy sends renewals of its own, at the earliest a third of the TTL after the one before. If that is
// earlier than this client sent the renewal, the lease counts as valid from then. The time is taken from the monotonic clock.
// Done, Err and ValidUntil look at the clock when they are called. So a process that was stopped for longer than the TTL learns
// of the loss from its first call, even before its timers have run. Where the whole machine was suspended, the clock may have
// stood still too.
type Keeper struct {
	stake
	renewer *renewer
	lease   *held
}

// KeepAlive keeps a lease alive: it is renewed every third of its TTL, give or take a tenth. KeepAlive returns when the first
// renewal is acknowledged. parent bounds the life of the Keeper. WithTimeout bounds the wait for the first renewal; without it,
// the wait ends after the default time of the connection, 5 s, even if parent has a later deadline.
//
// The leases of a connection are renewed over one stream. It moves to another endpoint when its member fails or falls silent.
// WithEndpoint keeps the lease on that endpoint, where all leases of the endpoint share a stream. Several Keepers of one lease
// share its renewals.
//
// A lease that is gone is [etcderr.ErrLeaseNotFound]. The first renewal of a lease by this connection is tried up to three
// times within 250 ms before this error counts. etcd servers released before 2022 may not know yet a lease that another
// member has just granted.
//
// While no endpoint is Active, KeepAlive waits for one. It fails with conn.ErrUnavailable once the patience of the
// connection (conn.WithPatience) has run out. An existing Keeper does not give up. A server that cannot keep leases alive,
// such as kine, fails the call at once with code Unimplemented. It calls Lease/LeaseKeepAlive.
func KeepAlive(parent context.Context, c Request, id int64) (*Keeper, error) {
	to, at, err := destination(parent, c)
	if err != nil {
		return nil, err
	}
	if parent.Err() != nil {
		return nil, notKept(parent, false, nil)
	}
	timeout, given := sealed.Ctx(c).Timeout()
	if !given {
		timeout = to.DefaultTimeout()
	}
	creating, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	k := newKeeper()
	var renewed <-chan struct{}
	if k.renewer, k.lease, renewed, err = hubOf(to).join(&k.stake, id, at); err != nil {
		return nil, err
	}
	select {
	case <-renewed:
		k.renewer.met() // waits for the lock, under which the connection is told: Info counts the lease from here on
	case <-k.done:
		return nil, k.err
	case <-creating.Done():
		met := k.renewer.met()
		k.leave(nil)
		return nil, notKept(creating, true, met)
	}
	k.bind(parent)
	return k, nil
}

func newKeeper() *Keeper { return &Keeper{stake: stake{done: make(chan struct{})}} }

// destination is where a request for renewals is to go.
func destination(parent context.Context, c ctx.Ctx) (*engine.Conn, place, error) {
	err := render.Check(c, "a lease keep-alive request", 0)
	if parent == nil {
		err = render.AlsoInvalid(err, "lease: the parent context is nil")
	}
	if err != nil {
		return nil, place{}, err
	}
	to, err := engine.Lookup(sealed.Ctx(c).Conn())
	if err != nil {
		return nil, place{}, err
	}
	endpoint, pinned := sealed.Ctx(c).Endpoint()
	return to, place{endpoint: to.Spelling(endpoint), pinned: pinned}, nil
}

// bind ends the Keeper with parent.
func (k *Keeper) bind(parent context.Context) {
	if parent.Done() == nil {
		return
	}
	k.renewer.bind(&k.stake, context.AfterFunc(parent, func() { k.leave(tell.Ended(parent)) }))
}

// leave ends the Keeper from this side.
func (k *Keeper) leave(err error) {
	k.look()
	k.renewer.leave(&k.stake, k.lease, err)
}

// look ends the Keeper if the clock says that its lease may have expired.
func (k *Keeper) look() {
	if k.lease.expired(k.renewer.now()) {
		k.renewer.lapse(k.lease)
	}
}

// ID returns the ID of the lease.
func (k *Keeper) ID() int64 { return k.lease.id }

// TTL returns the time to live that the server named with the last renewal.
func (k *Keeper) TTL() time.Duration { return time.Duration(k.lease.ttl.Load()) }

// ValidUntil returns until when the lease is known to be valid: the time at which its last acknowledged renewal was sent, plus
// the TTL. For a lease that is known to be gone it returns a time in the past.
func (k *Keeper) ValidUntil() time.Time {
	k.look()
	return k.renewer.epoch.Add(k.lease.until())
}

// Done returns a channel that is closed when the Keeper has ended: after Close, at the end of its context, or when the lease is
// lost. A lease is lost when the server says that it is gone, which it does at the next renewal after a Revoke. It also counts
// as lost at ValidUntil.
func (k *Keeper) Done() <-chan struct{} {
	k.look()
	return k.done
}

// Err returns why the Keeper ended: [ErrExpired], [etcderr.ErrLeaseNotFound] where the server says that the lease is gone, the
// error and the cause of its context, conn.ErrClosed, or the error with which the server refuses to renew the lease. It is nil
// while the Keeper is at work, and after Close.
func (k *Keeper) Err() error {
	if !k.over() {
		return nil
	}
	return k.err
}

// over reports whether the Keeper has ended.
func (k *Keeper) over() bool {
	select {
	case <-k.Done():
		return true
	default:
		return false
	}
}

// Close stops renewing the lease, unless another Keeper keeps it too. It does not revoke the lease, which lives on for its TTL.
// It always returns nil, and may be called more than once.
func (k *Keeper) Close() error {
	k.leave(nil)
	return nil
}

// Renewals returns the acknowledged renewals of the lease: the last one at once, and then each one as it comes. A slow reader
// misses all but the newest, and delays nothing. The sequence ends with the Keeper. It may have any number of readers, and
// without one it costs nothing.
func (k *Keeper) Renewals() iter.Seq[Renewal] {
	return func(yield func(Renewal) bool) {
		var told Renewal
		for !k.over() {
			last, next := k.renewer.after(k.lease, told)
			if last != told {
				if told = last; !yield(told) {
					return
				}
				continue
			}
			select {
			case <-next:
			case <-k.Done():
			}
		}
	}
}
