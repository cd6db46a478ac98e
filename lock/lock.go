// SPDX-License-Identifier: Apache-2.0

// Package lock takes locks that all clients of a cluster respect, one holder at a time.
//
//	err := lock.Do(parent, lock.New("registry").WithName("jobs"), 10*time.Second,
//		func(held context.Context, l lock.Held) error {
//			_, err := kv.Txn(held, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
//			return err
//		})
//
// A lock is a key below its name, attached to a lease; who has the oldest key holds it. A holder can be too slow to notice
// that its lease has ended, and another one then holds the lock: writes that must not come from a former holder go into a
// transaction with [Held.Guard], which the server checks. No lock without such fencing is safe.
//
// All functions are safe for concurrent use. They return ctx.ErrInvalid for a request that makes no sense, before anything
// is sent; conn.ErrNotOpen, conn.ErrUnavailable and conn.ErrEndpoint where the connection cannot take it; and an
// [*etcderr.Error] otherwise.
package lock

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/internal/claim"
	"github.com/eetcd-go/eetcd/internal/unary"
)

// New returns an empty request bound to the connection registered under that name. It mirrors eetcd_lock:new/1.
func New(conn string) ctx.Ctx { return ctx.New(conn) }

// Lock waits for the lock of WithName and returns the key that holds it, below that name. The lock is held as long as the
// key is there: until Unlock, or the end of the lease of WithLease. Both are required. To lock again with the same lease
// is to hold the same lock; what should exclude each other needs leases of its own.
//
// It waits as long as it takes: parent and WithTimeout bound it. It gives up with etcderr.ErrLeaseNotFound within a few
// seconds of the end of the lease. Who gives up leaves no key behind, at the cost of up to a second on the way out while
// the cluster answers and up to 5 s while it does not; if the cluster cannot be reached at all, revoke the lease.
//
// It calls Lock/Lock and mirrors eetcd_lock:lock/1 and lock/3.
func Lock(parent context.Context, c ctx.Ctx) (*v3lockpb.LockResponse, error) {
	request, err := c.LockRequest()
	if c.Name() == "" {
		err = ctx.AlsoInvalid(err, "lock: a lock request needs WithName")
	}
	if c.Lease() == 0 {
		err = ctx.AlsoInvalid(err, "lock: a lock request needs WithLease")
	}
	if parent == nil {
		err = ctx.AlsoInvalid(err, "lock: the parent context is nil")
	}
	if err != nil {
		return nil, err
	}
	return claim.Wait[v3lockpb.LockResponse](parent, c, c.Name(), c.Lease(), v3lockpb.Lock_Lock_FullMethodName, request)
}

// Unlock gives up the lock that the key of WithKey holds, as the response to Lock has it. The key holds the ID of its
// lease, so one that is no longer ours is not there any more, and nothing changes. It ends after 5 s where neither parent
// nor WithTimeout says otherwise. It calls Lock/Unlock and mirrors eetcd_lock:unlock/2.
func Unlock(parent context.Context, c ctx.Ctx) (*v3lockpb.UnlockResponse, error) {
	request, err := c.UnlockRequest()
	if err == nil && len(request.GetKey()) == 0 {
		err = ctx.AlsoInvalid(nil, "lock: an unlock request needs WithKey")
	}
	if err != nil {
		return nil, err
	}
	return unary.Call[v3lockpb.UnlockResponse](parent, c, v3lockpb.Lock_Unlock_FullMethodName, request)
}
