// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/op"
)

// Held is a lock that is held. Rev is the create revision of its key, which grows from holder to holder. It is a value:
// copies are equal, and its methods are safe for concurrent use.
type Held struct {
	Key   string
	Rev   int64
	Lease int64

	conn   string
	keeper *lease.Keeper
}

// heldBy is a claim as a lock.
func heldBy(c ctx.Ctx, h claim.Held) Held {
	return Held{Key: h.Key, Rev: h.Rev, Lease: h.Lease, conn: c.Conn(), keeper: h.Keeper}
}

// Guard is the fence for a transaction: it is true as long as this holder has the lock.
func (h Held) Guard() compare.Compare { return claim.GuardOf(h.Key, h.Rev) }

// ValidUntil returns until when the lease of a lock of [Do] or [Try] is known to be valid, while their function runs: no
// other holder has the lock before, unless somebody deletes its key. It moves with each renewal, and lies in the past
// once the lease is lost. For a lock of [Acquire] it is the zero time, since the lease is the caller's: ask its
// [lease.Keeper].
func (h Held) ValidUntil() time.Time { return claim.ValidUntil(h.keeper) }

// Release gives up a lock of [Acquire]. It deletes the key if that is still the one of this lock: where the lock has been
// lost or released, or the same lease has locked again, it changes nothing. So it may be repeated. It ends after 5 s where
// parent has no earlier deadline. Locks of [Do] and [Try] are given up by those; to release one takes it for lost. It calls
// KV/Txn.
func (h Held) Release(parent context.Context) error {
	_, err := kv.Txn(parent, kv.New(h.conn), op.If(h.Guard()).Then(op.Delete(kv.Key(h.Key))))
	return err
}
