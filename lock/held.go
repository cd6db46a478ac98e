// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Held is a lock that is held. Rev is the create revision of its key. Of holders of [Do], the later one has the greater Rev,
// unless the store was restored from a backup in between. Holders of [Shared] and [Semaphore] hold at the same time and end in
// any order, so Rev does not order what they write: use Guard to fence their writes.
//
// Held is a value: copies are equal. Its methods are safe for concurrent use.
type Held struct {
	// Key is the key of the lock in the store. Do not write to it. A holder whose key is deleted, or put without its lease, has
	// lost the lock.
	Key   string
	Rev   int64
	Lease int64

	to   ctx.Ctx // connection and endpoint
	term *claim.Term
}

// heldBy returns a claim as a lock.
func heldBy(c ctx.Ctx, h claim.Held) Held {
	to := ctx.New(sealed.Ctx(c).Conn())
	if endpoint, ok := sealed.Ctx(c).Endpoint(); ok {
		to = to.WithEndpoint(endpoint)
	}
	return Held{Key: h.Key, Rev: h.Rev, Lease: h.Lease, to: to, term: h.Term}
}

// Guard returns the fence for a transaction. It is true as long as this holder has the lock.
func (h Held) Guard() compare.Compare { return claim.GuardOf(h.Key, h.Rev) }

// ValidUntil returns the time until which a function certainly holds its lock. Before that time, no client that this holder
// excludes has the lock, unless somebody deletes the key. Each renewal of the lease moves the time. Once the lock is known to be
// lost, or the function has returned, the time is in the past.
//
// For a lock of [Acquire] it is the zero time: the caller keeps the lease, so ask its lease.Keeper.
func (h Held) ValidUntil() time.Time { return h.term.ValidUntil() }

// Release releases a lock of [Acquire]. It deletes the key if that is still the key of this lock. If the lock was lost or
// released, or the same lease has locked again, Release changes nothing, so you can repeat it.
//
// Release sends its request again if no answer comes, on another member unless the lock was acquired with WithEndpoint. It ends
// with parent. If parent has no deadline, it ends after the default time of the connection, 5 s. Do not call it for a lock that a
// function holds: the function would lose the lock. It calls KV/Txn.
func (h Held) Release(parent context.Context) error {
	if err := claim.Release(parent, h.to, h.Key, h.Rev); err != nil {
		return fmt.Errorf("lock: release: %w", err)
	}
	return nil
}
