// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
)

// Do takes the lock of WithName with a lease of its own, runs f, and releases the lock. held is cancelled with parent, and when
// the lock is lost; context.Cause is then [ErrLost] with the reason. The lock is kept until f returns, even if parent ends. It
// is released however f ends, also by a panic.
//
// Do returns the error of f, together with ErrLost if the lock was lost while f ran. If f did not run, it returns
// [ErrNotAcquired] with the reason. parent and WithTimeout limit the wait for the lock. If the lease ends during the wait, as
// in an outage longer than ttl, Do takes a new place at the end of the queue. A rejection such as etcderr.ErrPermissionDenied
// ends the wait.
//
// Do releases the lock by revoking the lease, and waits up to 5 s for that: 2 s once parent has ended, and half a second if the
// wait for the lock ran out of time. After that the connection continues the release until it is closed. So a call leaves
// nothing behind while the cluster can be reached. If the process dies, the lock is released after ttl. The ttl is that of
// [lease.Grant]: whole seconds, rounded up, at least about 2 s. A ttl below 1 ms is kv.ErrInvalid.
//
// It sends Lease/LeaseGrant, LeaseKeepAlive and LeaseRevoke, KV/Txn and Watch/Watch. eetcd has no counterpart.
func Do(parent context.Context, c Request, ttl time.Duration, f func(held context.Context, l Held) error) error {
	_, err := run(parent, c, "a lock.Do request", f, claim.Holding{TTL: ttl})
	return err
}

// Try is [Do] for a lock that is free. If another client holds the lock or waits for it, f does not run, and Try returns false
// without an error. In that case it costs one read and changes nothing on the server. If f ran, Try returns true and what Do
// would have returned. Otherwise it returns false and [ErrNotAcquired] with the reason. One such reason is that parent or
// WithTimeout ended before the cluster answered, which does not prove that the lock is taken.
func Try(parent context.Context, c Request, ttl time.Duration, f func(held context.Context, l Held) error) (held bool, err error) {
	return run(parent, c, "a lock.Try request", f, claim.Holding{TTL: ttl, Try: true})
}

func run(
	parent context.Context, c ctx.Ctx, request string, f func(context.Context, Held) error, holding claim.Holding,
) (ran bool, err error) {
	err = named(parent, c, request, render.Check(c, request, sealed.OptName))
	err = leasettl.Check(err, "lock", holding.TTL)
	if !holding.Kind.Possible() {
		err = render.AlsoInvalid(err, "lock: "+request+" needs at least 1 permit")
	}
	if f == nil {
		err = render.AlsoInvalid(err, "lock: there is no function to run")
	}
	if err == nil {
		holding.Request, holding.Lost = c, ErrLost
		ran, err = holding.While(parent, func(held context.Context, h claim.Held) error { return f(held, heldBy(c, h)) })
	}
	if !ran && err != nil {
		err = fmt.Errorf("lock: %w: %w", ErrNotAcquired, err)
	}
	return ran, err
}
