// SPDX-License-Identifier: Apache-2.0

// Package lock takes locks that all clients of a cluster respect. A lock of [Do] has one holder at a time. [Shared] lets readers
// hold it together, and [Semaphore] a number of holders.
//
//	err := lock.Do(ctx, lock.New("registry").WithName("jobs"), 10*time.Second,
//		func(held context.Context, l lock.Held) error {
//			_, err := kv.Txn(held, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
//			return err
//		})
//
// A lock is a key below its name, attached to a lease. The oldest key holds the lock, and the others wait in the order of
// their create revisions. etcd's lock service, etcdctl lock and clientv3's Mutex make the same keys, so all of
// them wait in one queue. The value of a key of Shared or Semaphore tells its kind. Clients that do not know kinds wait until no
// older key is left, and calls of every kind wait for the keys of such clients.
//
// As with etcd's clients, the keys of a lock named a/b are also in the queue of a lock named a. A holder of a/b that takes a
// waits for itself. So take a before a/b, or better, let no name begin with another name and a slash.
//
// A holder may notice too late that its lease has ended. Another client holds the lock then. So put each write that must not
// come from a former holder into a transaction with [Held.Guard], which the server checks. No lock is safe without such
// fencing.
//
// A call that waits watches the key that it waits for. It keeps its place through the loss of members, restarts, partitions and
// elections, and continues on another member within seconds. The user needs permission to read the keys below the name, and
// to write its own key.
//
// [Lock] and [Acquire] use a lease of the caller, and all other calls have a lease of their own. One lease is one place in the
// queue. So use a lease for one holder, and on one connection only. A call that gives up deletes the key of its lease. If a put
// of that call was not answered, it may arrive within the next minute, and the connection deletes the key again. Another
// connection, clientv3 or the Lock service has the same key if it uses the same lease. It would lose its place or the lock by
// that.
//
// Do, Shared, Semaphore, Lock and Acquire wait without a limit, unless WithTimeout or the context sets one. Every other call ends
// after 5 s then (conn.WithDefaultTimeout).
//
// All functions are safe for concurrent use. They return kv.ErrInvalid for a request with mistakes, before anything is
// sent; conn.ErrNotOpen, conn.ErrUnavailable or conn.ErrEndpoint if the connection cannot take the request; and an
// *etcderr.Error otherwise.
//
// Its counterpart in eetcd is the module eetcd_lock: see docs/eetcd.md.
package lock

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in every
// package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Lock waits for the lock of WithName, and returns the key that holds the lock. The lock is held while that key
// exists: until Unlock, or until the lease of WithLease ends. WithName and WithLease are required. A second Lock with the same
// lease gets the same lock. Holders that must exclude each other need different leases.
//
// Without WithTimeout and without a deadline of parent, Lock waits without a limit. A wait that runs out of time ends with the
// error of parent, or with context.DeadlineExceeded. Lock fails with etcderr.ErrLeaseNotFound when the lease ends, and with
// [ErrLost] when another client deletes its key or puts it without the lease.
//
// A call that gives up deletes its key. Once its time is up, it waits for that up to half a second. After a loss or a refusal it waits
// up to 5 s. After that the connection continues until it is closed.
//
// The response has no create revision. So the holder can neither fence its writes nor release exactly this lock. [Acquire] can do
// both. Lock sends KV/Range, KV/Txn and Watch/Watch. The RPC Lock/Lock would wait on one member only.
func Lock(parent context.Context, c Request) (*v3lockpb.LockResponse, error) {
	held, err := acquire(parent, c)
	if err != nil {
		return nil, err
	}
	return &v3lockpb.LockResponse{Header: held.Header, Key: []byte(held.Key)}, nil
}

// Acquire is [Lock] for a holder that fences its writes. Guard of the result is true while this lock is held, and Release
// releases exactly this lock. Nothing keeps the lease alive or tells of its end: that is up to the caller, with lease.KeepAlive.
// Release does not end the lease.
func Acquire(parent context.Context, c Request) (Held, error) {
	held, err := acquire(parent, c)
	if err != nil {
		return Held{}, err
	}
	return heldBy(c, held), nil
}

func acquire(parent context.Context, c ctx.Ctx) (claim.Held, error) {
	_, err := render.Lock(c)
	err = named(parent, c, "a lock request", err)
	if sealed.Ctx(c).Lease() == 0 {
		err = render.AlsoInvalid(err, "lock: a lock request needs WithLease")
	}
	if err != nil {
		return claim.Held{}, err
	}
	return claim.Waiting{Request: c, What: "lock", Lost: ErrLost}.Turn(parent)
}

// named adds to err the mistakes in a request for a lock.
func named(parent context.Context, c ctx.Ctx, request string, err error) error {
	if sealed.Ctx(c).Name() == "" {
		err = render.AlsoInvalid(err, "lock: "+request+" needs WithName")
	}
	if parent == nil {
		err = render.AlsoInvalid(err, "lock: the parent context is nil")
	}
	return err
}

// Unlock releases the lock that the key of WithKey holds. The key is in the response to Lock. It contains the ID of its lease,
// so if another lease has the lock by now, nothing changes. If the same lease has locked again, a late or repeated Unlock releases
// that newer lock. [Held.Release] never does that. Unlock ends after 5 s unless parent or WithTimeout sets another time. It calls
// Lock/Unlock.
func Unlock(parent context.Context, c Request) (*v3lockpb.UnlockResponse, error) {
	request, err := render.Unlock(c)
	if err == nil && len(request.GetKey()) == 0 {
		err = render.AlsoInvalid(nil, "lock: an unlock request needs WithKey")
	}
	if err != nil {
		return nil, err
	}
	answer, err := wire.Lock.Unlock.Call(parent, c, request)
	if err == nil {
		claim.Forget(c, string(request.GetKey()))
	}
	return answer, err
}
