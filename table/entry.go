// SPDX-License-Identifier: Apache-2.0

package table

import (
	"sync/atomic"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// Entry is a key with its decoded value, its revisions and its lease.
type Entry[V any] struct {
	Key   string // the whole key
	Value V

	CreateRev int64 // the revision at which the key was created
	ModRev    int64 // the revision of its last put
	Version   int64 // how many puts there were since it was created, the first one included
	Lease     int64 // the lease that the key is attached to; 0: none
}

// record is what a table has of a key from one turn on. Only before changes once it is in the index.
type record[V any] struct {
	entry Entry[V] // the last one that decoded; only its Key counts unless shown
	mod   int64    // the revision of the last put, also of one that does not decode
	turn  uint64   // the turn of the table from which on the record holds
	gone  bool     // the key was deleted
	shown bool     // entry is an entry: not gone, and a value has decoded
	bad   bool     // the last put does not decode

	// before is the record of the turns before: nil if there was none, and the index's cut once nobody needs it.
	before atomic.Pointer[record[V]]
}

func entryOf[V any](pair *mvccpb.KeyValue, value V) Entry[V] {
	return Entry[V]{
		Key: string(pair.GetKey()), Value: value,
		CreateRev: pair.GetCreateRevision(), ModRev: pair.GetModRevision(), Version: pair.GetVersion(), Lease: pair.GetLease(),
	}
}

// isShown reports whether there is a record, and it shows an entry.
func (r *record[V]) isShown() bool { return r != nil && r.shown }

// of returns a copy of what a record shows, nil if that is nothing.
func (r *record[V]) of() *Entry[V] {
	if !r.isShown() {
		return nil
	}
	e := r.entry
	return &e
}
