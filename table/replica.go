// SPDX-License-Identifier: Apache-2.0

package table

import (
	"maps"
	"slices"
	"sync"

	"github.com/tidwall/btree"
)

// replica is the copy of the range: an index for readers of one key, and a tree in the order of the keys for snapshots. One
// goroutine changes it, a turn at a time.
type replica[V any] struct {
	index *index[V]

	mu      sync.Mutex
	tree    btree.Map[string, *record[V]] // every key of the range, with its record
	shown   int                           // the records that show an entry
	bad     map[string]struct{}           // the keys whose last put does not decode
	rev     int64
	readers map[*reader[V]]struct{}
	turned  chan struct{} // closed by the next turn
}

func newReplica[V any]() *replica[V] {
	return &replica[V]{
		index: newIndex[V](), bad: map[string]struct{}{}, readers: map[*reader[V]]struct{}{}, turned: make(chan struct{}),
	}
}

// change takes the table to a revision. There is one record for each key at most. resync says that it is the difference to a new list.
func (c *replica[V]) change(records []*record[V], rev int64, resync bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		key := r.entry.Key
		old := c.index.put(r)
		if old != nil && old.shown {
			c.shown--
		}
		delete(c.bad, key)
		if r.gone {
			c.tree.Delete(key)
		} else {
			c.tree.Set(key, r)
		}
		if r.shown {
			c.shown++
		}
		if r.bad {
			c.bad[key] = struct{}{}
		}
		for reader := range c.readers {
			reader.note(key, old)
		}
	}
	for reader := range c.readers {
		reader.resync = reader.resync || resync
	}
	c.rev = rev
	c.index.publish(records)
	c.wake()
}

// raise takes the table from one revision to another, between which nothing has changed.
func (c *replica[V]) raise(from, to int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rev == from && to > from {
		c.rev = to
		c.wake()
	}
}

func (c *replica[V]) wake() {
	close(c.turned)
	c.turned = make(chan struct{})
}

// at returns the revision of the table, the number of its keys, and a channel that the next turn closes.
func (c *replica[V]) at() (rev int64, keys int, turned <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rev, c.tree.Len(), c.turned
}

// snapshot takes no time: the tree is copied as it is changed.
func (c *replica[V]) snapshot() Snapshot[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Snapshot[V]{rev: c.rev, shown: c.shown, tree: c.tree.Copy()}
}

// undecoded returns the keys whose last put does not decode, in order.
func (c *replica[V]) undecoded() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.bad))
}
