// SPDX-License-Identifier: Apache-2.0

package table

import (
	"iter"
	"strings"

	"github.com/tidwall/btree"
)

// Snapshot is a table at one revision. It is immutable and safe for concurrent use. It shares memory with the table and with other
// snapshots. The zero value is empty.
type Snapshot[V any] struct {
	rev   int64
	shown int
	tree  *btree.Map[string, *record[V]]
}

// Rev returns the revision of the snapshot.
func (s Snapshot[V]) Rev() int64 { return s.rev }

// Len returns the number of entries.
func (s Snapshot[V]) Len() int { return s.shown }

// Get returns the entry of a key, and whether there is one.
func (s Snapshot[V]) Get(key string) (Entry[V], bool) {
	if r := s.record(key); r.isShown() {
		return r.entry, true
	}
	return Entry[V]{}, false
}

// record returns the record of a key, nil if there is none.
func (s Snapshot[V]) record(key string) *record[V] {
	if s.tree == nil {
		return nil
	}
	r, _ := s.tree.Get(key)
	return r
}

// All returns all entries in the order of their keys.
func (s Snapshot[V]) All() iter.Seq[Entry[V]] { return s.Prefix("") }

// Prefix returns the entries whose keys begin with prefix, in the order of their keys.
func (s Snapshot[V]) Prefix(prefix string) iter.Seq[Entry[V]] {
	return func(yield func(Entry[V]) bool) {
		if s.tree == nil {
			return
		}
		s.tree.Ascend(prefix, func(key string, r *record[V]) bool {
			return strings.HasPrefix(key, prefix) && (!r.shown || yield(r.entry))
		})
	}
}

// known returns the mod revision of every key, in order, of values that do not decode too.
func (s Snapshot[V]) known(yield func(string, int64) bool) {
	s.tree.Scan(func(key string, r *record[V]) bool { return yield(key, r.mod) })
}
