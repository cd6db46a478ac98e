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

// Do takes the lock of WithName with a lease of its own, runs f, and releases the lock. held ends with parent, and when the lock is
// lost. If the lock is lost, context.Cause of held is [ErrLost] with the reason. The lock is kept until f returns, even if parent
// ends. It is released however f ends, also by a panic.
//
// Do returns the error of f, together with ErrLost if the lock was lost while f ran. If f did not run, it returns
// [ErrNotAcquired] with the reason.
//
// Without WithTimeout and without a deadline of parent, Do waits for the lock without a limit. If the lease ends during the wait,
// as in an outage longer than ttl, Do takes a new place at the end of the queue. A rejection such as etcderr.ErrPermissionDenied
// ends the wait.
//
// To release the lock, Do deletes the key and revokes the lease. It waits up to 5 s for that. The wait is shorter once parent has
// ended: 2 s, or half a second if f did not run. After that the connection continues the release until it is closed. So a call
// leaves nothing behind while the cluster can be reached. If the process dies, the lock is released after ttl.
//
// The ttl is that of lease.Grant: whole seconds, rounded up, at least about 2 s. A ttl below 1 ms is kv.ErrInvalid.
//
// It sends Lease/LeaseGrant, LeaseKeepAlive and LeaseRevoke, KV/Txn and Watch/Watch. eetcd has no counterpart.
func Do(parent context.Context, c Request, ttl time.Duration, f func(held context.Context, l Held) error) error {
	_, err := run(parent, c, "a lock.Do request", f, claim.Holding{TTL: ttl})
	return err
}

// Try is [Do] for a lock that is free. What it returns says what happened:
//
//	true, err               f ran, and err is what Do would have returned
//	false, nil              another client holds the lock or waits for it, and f did not run
//	false, ErrNotAcquired   nobody knows whether the lock is free, for the reason in the error, and f did not run
//
// A lock that is taken costs one read, and nothing changes on the server. If another client takes the lock after that read, Try has
// granted a lease by then, and revokes it before it returns.
//
// Try waits for answers of the cluster, and not for other clients. Without WithTimeout and without a deadline of parent, that wait
// ends after the default time of the connection, 5 s. It does not limit f.
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
		holding.Request, holding.What, holding.Lost = c, "lock", ErrLost
		ran, err = holding.While(parent, func(held context.Context, h claim.Held) error { return f(held, heldBy(c, h)) })
	}
	if !ran && err != nil {
		err = fmt.Errorf("lock: %w: %w", ErrNotAcquired, err)
	}
	return ran, err
}
