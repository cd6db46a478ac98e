// SPDX-License-Identifier: Apache-2.0

package table

import (
	"iter"
	"maps"
	"slices"
)

// Change is what has become of a key since the reader was told of it last.
type Change[V any] struct {
	Old, New *Entry[V] // Old nil: the key is new; New nil: it was deleted. They are the reader's own.
	// Rev is the revision at which the table shows the change. Changes with the same Rev belong together, and one with a
	// higher Rev comes after all of them.
	Rev int64
	// Resync says that the table has listed its range again since the last change, because history was lost: what happened in
	// between is told as a difference, and after a store has gone back, Rev may be lower.
	Resync bool
}

// Key returns the key that has changed.
func (c Change[V]) Key() string {
	switch {
	case c.New != nil:
		return c.New.Key
	case c.Old != nil:
		return c.Old.Key
	default:
		return ""
	}
}

// Changes tells all entries first, in the order of their keys, each as a new one, and then what changes. Each loop is a reader of
// its own. A slow reader delays nobody: it gets the newest state of each key, and is not told of a key that was created and
// deleted meanwhile. The loop ends with the table, after the last change.
func (t *Table[V]) Changes() iter.Seq[Change[V]] {
	return func(yield func(Change[V]) bool) {
		r, first := t.copy.read()
		defer t.copy.left(r)
		for e := range first.All() {
			if !yield(Change[V]{New: &e, Rev: first.rev}) {
				return
			}
		}
		for {
			changes, turned := t.copy.take(r)
			for _, c := range changes {
				if !yield(c) {
					return
				}
			}
			if len(changes) > 0 {
				continue
			}
			select {
			case <-turned:
			case <-t.done:
				if changes, _ = t.copy.take(r); !each(changes, yield) {
					return
				}
				return
			}
		}
	}
}

func each[V any](changes []Change[V], yield func(Change[V]) bool) bool {
	for _, c := range changes {
		if !yield(c) {
			return false
		}
	}
	return true
}

// reader is a loop over the changes of a table. Its fields are the replica's.
type reader[V any] struct {
	told   map[string]*record[V] // what it was told last of each key that has changed since
	resync bool
}

// note notes that the record of a key changes. A key that the reader has not been told of is forgotten when it is gone.
func (r *reader[V]) note(key string, old, now *record[V]) {
	told, noted := r.told[key]
	if !noted {
		told = old
	}
	if (told == nil || !told.shown) && !now.shown {
		delete(r.told, key)
	} else {
		r.told[key] = told
	}
}

// read enters a reader that begins with a snapshot.
func (c *replica[V]) read() (*reader[V], Snapshot[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &reader[V]{told: map[string]*record[V]{}}
	c.readers[r] = struct{}{}
	return r, Snapshot[V]{rev: c.rev, shown: c.shown, tree: c.tree.Copy()}
}

func (c *replica[V]) left(r *reader[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.readers, r)
}

// take returns what has changed for a reader, in the order of the keys, and a channel that the next turn closes.
func (c *replica[V]) take(r *reader[V]) ([]Change[V], <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var changes []Change[V]
	for _, key := range slices.Sorted(maps.Keys(r.told)) {
		old := r.told[key]
		now, _ := c.tree.Get(key)
		change := Change[V]{Old: old.of(), New: now.of(), Rev: c.rev, Resync: r.resync}
		same := change.Old != nil && change.New != nil && change.Old.ModRev == change.New.ModRev && !r.resync
		if (change.Old != nil || change.New != nil) && !same {
			changes = append(changes, change)
		}
	}
	clear(r.told)
	if len(changes) > 0 {
		r.resync = false
	}
	return changes, c.turned
}
