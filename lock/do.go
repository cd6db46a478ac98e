// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
)

// Do takes the lock of WithName with a lease of its own, runs f, and gives the lock up. held is cancelled with parent, and
// when the lock is lost; context.Cause then is [ErrLost] with the reason. The lock is kept until f returns, whatever
// becomes of parent, and given up however f ends, by a panic too.
//
// It returns the error of f, together with ErrLost if the lock was lost meanwhile; or [ErrNotAcquired] with the reason,
// and then f has not run. parent and WithTimeout bound the wait for the lock. A place in the queue that is lost because
// the lease has ended, as in an outage longer than ttl, is taken anew at its end. A rejection such as
// etcderr.ErrPermissionDenied ends the wait.
//
// The lock is given up by revoking the lease, and Do waits for that for up to 5 s: 2 s once parent has ended, and
// half a second where the wait for the lock has run out of time. What takes longer the connection goes on with until it
// is closed. So nothing is left of a call while the cluster can be reached. A process that dies gives the lock up after
// ttl. The ttl is that of [lease.Grant]: whole seconds, rounded up, at least some 2 s; one below 1 ms is [kv.ErrInvalid].
//
// It sends Lease/LeaseGrant, LeaseKeepAlive and LeaseRevoke, KV/Txn and Watch/Watch. eetcd has no counterpart.
func Do(parent context.Context, c Request, ttl time.Duration, f func(held context.Context, l Held) error) error {
	_, err := run(parent, c, ttl, f, "a lock.Do request", false)
	return err
}

// Try is [Do] for a lock that is free: where somebody holds it or waits for it, f does not run and Try returns false and no
// error. It leaves no trace then: a lock that is taken costs one read. It returns true and what Do would have returned if
// f has run. Otherwise it returns false and [ErrNotAcquired] with the reason, as when parent or WithTimeout end before
// the cluster has answered, which is no proof that the lock is taken.
func Try(parent context.Context, c Request, ttl time.Duration, f func(held context.Context, l Held) error) (held bool, err error) {
	return run(parent, c, ttl, f, "a lock.Try request", true)
}

func run(
	parent context.Context, c ctx.Ctx, ttl time.Duration, f func(context.Context, Held) error, request string, try bool,
) (ran bool, err error) {
	err = named(parent, c, request, c.Check(request, ctx.OptName))
	err = leasettl.Check(err, "lock", ttl)
	if f == nil {
		err = ctx.AlsoInvalid(err, "lock: there is no function to run")
	}
	if err == nil {
		holding := claim.Holding{Request: c, TTL: ttl, Lost: ErrLost, Try: try}
		ran, err = holding.While(parent, func(held context.Context, h claim.Held) error { return f(held, heldBy(c, h)) })
	}
	if !ran && err != nil {
		err = fmt.Errorf("lock: %w: %w", ErrNotAcquired, err)
	}
	return ran, err
}
