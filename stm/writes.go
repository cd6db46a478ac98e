// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"maps"
	"slices"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// writes holds the last write of each key.
type writes map[string]write

type write struct {
	value   string
	deleted bool
	lease   int64
	keep    bool // the lease that the servers have for the key, in place of lease
}

// ops returns the writes in the order of their keys. guarded says that the guards of the transaction cover what was read.
func (w writes) ops(r *reads, guarded bool) []op.Op {
	ops := make([]op.Op, 0, len(w))
	for _, key := range slices.Sorted(maps.Keys(w)) {
		ops = append(ops, w[key].op(key, guarded && r.cover(key), r.pairs[key] != nil))
	}
	return ops
}

// op returns one write. A server refuses to keep the lease of a key that does not exist. So where the guards do not show
// whether the key exists, the write asks first.
func (w write) op(key string, guarded, exists bool) op.Op {
	if w.deleted {
		return op.Delete(kv.Key(key))
	}
	put := kv.Key(key).WithValue(w.value)
	switch {
	case !w.keep:
		return op.Put(put.WithLease(w.lease))
	case !guarded:
		return op.Txn(op.If(compare.Exists(key)).Then(op.Put(put.WithIgnoreLease())).Else(op.Put(put)))
	case !exists:
		return op.Put(put)
	default:
		return op.Put(put.WithIgnoreLease())
	}
}
