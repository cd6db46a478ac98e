// SPDX-License-Identifier: Apache-2.0

package table

import (
	"maps"
	"slices"
	"sync"

	"github.com/tidwall/btree"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// replica is the copy of the range: an index for readers of one key, and a tree in the order of the keys for snapshots. One
// goroutine changes it, a turn at a time.
type replica[V any] struct {
	index *index[V]

	mu    sync.Mutex
	tree  btree.Map[string, *record[V]] // every key of the range, with its record
	shown int                           // the records that show an entry
	bad   map[string]struct{}           // the keys whose last put does not decode
	place
	readers map[*reader[V]]struct{}
	turned  chan struct{} // closed by the next turn
}

// place is where a table stands in the history of a store.
type place struct {
	rev     int64
	cluster uint64 // that told it
	age     int    // how many histories there were before this one
}

// precedes reports whether a linearizable read that began when the table was at p may have got this answer from the same history.
func (p place) precedes(h *pb.ResponseHeader) bool {
	other := p.cluster != 0 && h.GetClusterId() != 0 && h.GetClusterId() != p.cluster
	return !other && h.GetRevision() >= p.rev
}

// after returns the place that a step of the follower leads to.
func (p place) after(step follow.Step) place {
	next := place{rev: step.Rev, cluster: step.Header.GetClusterId(), age: p.age}
	if step.Rewound {
		next.age++
		return next
	}
	next.rev = max(next.rev, p.rev) // a proof may have been faster than the watch
	if next.cluster == 0 {
		next.cluster = p.cluster
	}
	return next
}

func newReplica[V any]() *replica[V] {
	return &replica[V]{
		index: newIndex[V](), bad: map[string]struct{}{}, readers: map[*reader[V]]struct{}{}, turned: make(chan struct{}),
	}
}

// change takes the table to where a step leads. There is one record for each key at most. It reports false, and changes nothing, if
// a proof has shown a later revision than that of a step of the watch.
func (c *replica[V]) change(records []*record[V], step follow.Step) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if step.Part == 0 && step.Rev < c.rev {
		return false
	}
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
			reader.note(key, old, r)
		}
	}
	for reader := range c.readers {
		reader.resync = reader.resync || step.Resync
	}
	c.place = c.after(step)
	c.index.publish(records)
	c.wake()
	return true
}

// raise takes the table from a place to the revision of an answer, between which nothing has changed.
func (c *replica[V]) raise(from place, to *pb.ResponseHeader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.place == from && to.GetRevision() > from.rev {
		c.rev = to.GetRevision()
		c.wake()
	}
}

func (c *replica[V]) wake() {
	close(c.turned)
	c.turned = make(chan struct{})
}

// at returns where the table stands, the number of its keys, and a channel that the next turn closes.
func (c *replica[V]) at() (at place, keys int, turned <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.place, c.tree.Len(), c.turned
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
