// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/op"
)

// Held is a lock that is held. Rev is the create revision of its key. Of holders of [Do], the later one has the greater Rev, unless
// the store was restored from a backup in between. Holders of [Shared] and [Semaphore] hold at the same time and end in any order, so
// Rev does not order what they write: use Guard to fence their writes.
//
// Held is a value: copies are equal. Its methods are safe for concurrent use.
type Held struct {
	// Key is the key of the lock in the store. Do not write to it. A holder whose key is deleted, or put without its lease, has lost the
	// lock, and the queue goes on without it.
	Key   string
	Rev   int64
	Lease int64

	conn   string
	keeper *lease.Keeper
}

// heldBy returns a claim as a lock.
func heldBy(c ctx.Ctx, h claim.Held) Held {
	return Held{Key: h.Key, Rev: h.Rev, Lease: h.Lease, conn: sealed.Ctx(c).Conn(), keeper: h.Keeper}
}

// Guard returns the fence for a transaction. It is true as long as this holder has the lock.
func (h Held) Guard() compare.Compare { return claim.GuardOf(h.Key, h.Rev) }

// ValidUntil returns the time until which the lease of a lock that a function holds is known to be valid, while the function runs.
// Before that time no client has the lock that this holder excludes, unless somebody deletes its key. The time moves with each
// renewal, and is in the past once the lease is lost. For a lock of [Acquire] it is the zero time, because the caller keeps the
// lease: ask its [lease.Keeper].
func (h Held) ValidUntil() time.Time { return claim.ValidUntil(h.keeper) }

// Release releases a lock of [Acquire]. It deletes the key if that is still the key of this lock. If the lock was lost or
// released, or the same lease has locked again, Release changes nothing, so it can be repeated. It ends after 5 s unless parent
// has an earlier deadline. Do not call it for a lock that a function holds: the lock would be lost for that function. It calls
// KV/Txn.
func (h Held) Release(parent context.Context) error {
	_, err := kv.Txn(parent, kv.New(h.conn), op.If(h.Guard()).Then(op.Delete(kv.Key(h.Key))))
	return err
}
