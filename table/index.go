// SPDX-License-Identifier: Apache-2.0

package table

import (
	"hash/maphash"
	"sync/atomic"
)

// index finds the record of a key without a lock: a hash table with open addressing, which one goroutine writes and any number
// read.
//
// The writer puts the records of a turn, which nobody sees yet, and then publishes the turn. So a reader sees all of a turn or
// nothing of it: it reads the published turn first, and passes over records of later ones. A record that a reader needs may have
// been cut off meanwhile. Then a later turn has been published, and the reader begins again with that.
type index[V any] struct {
	seed  maphash.Seed
	cut   *record[V]
	turn  atomic.Uint64
	slots atomic.Pointer[[]slot[V]] // their number is a power of 2
	used  int                       // the slots that have a record, of a key that is gone or not
	gone  int                       // the ones of a key that is gone
}

// slot has a record of a key with that hash. It is free while hash is 0. The writer sets hash last.
type slot[V any] struct {
	hash   atomic.Uint64
	record atomic.Pointer[record[V]]
}

const slotsMin = 16

func newIndex[V any]() *index[V] {
	x := &index[V]{seed: maphash.MakeSeed(), cut: new(record[V])}
	slots := make([]slot[V], slotsMin)
	x.slots.Store(&slots)
	return x
}

func (x *index[V]) hash(key string) uint64 { return maphash.String(x.seed, key) | 1<<63 }

// get returns what the published turn has for a key, nil if that is nothing.
func (x *index[V]) get(key string) *record[V] {
	h := x.hash(key)
	for {
		turn := x.turn.Load()
		r := find(*x.slots.Load(), h, key)
		for r != nil && r != x.cut && r.turn > turn {
			r = r.before.Load()
		}
		if r != x.cut {
			return r
		}
	}
}

func find[V any](slots []slot[V], h uint64, key string) *record[V] {
	mask := uint64(len(slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch slots[i].hash.Load() {
		case 0:
			return nil
		case h:
			if r := slots[i].record.Load(); r.entry.Key == key {
				return r
			}
		}
	}
}

// put puts a record of the turn that comes next, and returns the one before it. Only the writer calls it, once a turn for each key.
func (x *index[V]) put(r *record[V]) *record[V] {
	r.turn = x.turn.Load() + 1
	if slots := *x.slots.Load(); (x.used+1)*4 > len(slots)*3 {
		x.rebuild()
	}
	slots, h := *x.slots.Load(), x.hash(r.entry.Key)
	mask := uint64(len(slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch slots[i].hash.Load() {
		case 0:
			x.used++
			x.gone += one(r.gone)
			slots[i].record.Store(r)
			slots[i].hash.Store(h)
			return nil
		case h:
			if old := slots[i].record.Load(); old.entry.Key == r.entry.Key {
				x.gone += one(r.gone) - one(old.gone)
				r.before.Store(old)
				slots[i].record.Store(r)
				return old
			}
		}
	}
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// publish shows the turn that comes next, with the records that were put for it.
func (x *index[V]) publish() { x.turn.Add(1) }

// tidy frees what nobody needs once the turn of these records is published.
func (x *index[V]) tidy(put []*record[V]) {
	for _, r := range put {
		if r.before.Load() != nil {
			r.before.Store(x.cut)
		}
	}
	if x.gone*2 > x.used && len(*x.slots.Load()) > slotsMin {
		x.rebuild()
	}
}

// rebuild moves the records to slots of their own number, without the keys that are gone in the published turn.
func (x *index[V]) rebuild() {
	old, turn, live, gone := *x.slots.Load(), x.turn.Load(), 0, 0
	stays := func(r *record[V]) bool { return r != nil && (!r.gone || r.turn > turn) }
	for i := range old {
		if r := old[i].record.Load(); stays(r) {
			live++
			gone += one(r.gone)
		}
	}
	size := slotsMin
	for size*2 < (live+1)*3 {
		size *= 2
	}
	slots := make([]slot[V], size)
	mask := uint64(size - 1)
	for i := range old {
		r := old[i].record.Load()
		if !stays(r) {
			continue
		}
		h := old[i].hash.Load()
		at := h & mask
		for slots[at].hash.Load() != 0 {
			at = (at + 1) & mask
		}
		slots[at].record.Store(r)
		slots[at].hash.Store(h)
	}
	x.used, x.gone = live, gone
	x.slots.Store(&slots)
}
