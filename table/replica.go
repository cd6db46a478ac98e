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
	shows func() // called when a list is shown, with mu held; may be nil

	turns   sync.Mutex // held through a turn; it guards the readers
	readers map[*reader[V]]struct{}

	mu sync.Mutex // held for moments only
	shape[V]
	place
	turning bool          // a turn is under way, so what mu guards is about to change
	turned  chan struct{} // closed by the next turn
}

// shape is what a replica shows at one revision.
type shape[V any] struct {
	tree  *btree.Map[string, *record[V]] // every key of the range, with its record
	shown int                            // the records that show an entry
	bad   map[string]struct{}            // the keys whose last put does not decode
}

// copied returns a copy that can be changed apart from the original. The tree copies its nodes as they change.
func (s *shape[V]) copied() shape[V] {
	return shape[V]{tree: s.tree.Copy(), shown: s.shown, bad: maps.Clone(s.bad)}
}

// put changes the shape by the records of a turn.
func (s *shape[V]) put(records []*record[V]) {
	for _, r := range records {
		key := r.entry.Key
		if r.gone {
			s.tree.Delete(key)
		} else {
			s.tree.Set(key, r)
		}
		if r.bad {
			s.bad[key] = struct{}{}
		} else if len(s.bad) > 0 {
			delete(s.bad, key)
		}
	}
}

func newReplica[V any]() *replica[V] {
	return &replica[V]{
		index:   newIndex[V](),
		readers: map[*reader[V]]struct{}{},
		shape:   shape[V]{tree: new(btree.Map[string, *record[V]]), bad: map[string]struct{}{}},
		turned:  make(chan struct{}),
	}
}

// largeTurn is the number of records from which on a turn changes a copy of the shape, so that snapshots need not wait for it.
const largeTurn = 256

// change takes the table to where a step leads. There is one record for each key at most. It reports false, and changes nothing, if
// a proof has shown a later revision than that of a step of the watch.
func (c *replica[V]) change(records []*record[V], step follow.Step) bool {
	c.turns.Lock()
	defer c.turns.Unlock()
	if !c.begin(step) {
		return false
	}
	more := c.prepare(records, step)
	if len(records) < largeTurn {
		c.mu.Lock()
		c.put(records)
	} else {
		c.mu.Lock()
		next := c.copied()
		c.mu.Unlock()
		next.put(records)
		c.mu.Lock()
		c.shape = next
	}
	c.shown += more
	c.place, c.turning = c.after(step), false
	c.index.publish()
	if step.Part > 0 && c.shows != nil {
		c.shows()
	}
	c.wake()
	c.mu.Unlock()
	c.index.tidy(records)
	return true
}

// begin begins a turn, unless a proof has been faster than the watch.
func (c *replica[V]) begin(step follow.Step) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turning = step.Part > 0 || step.Rev >= c.rev
	return c.turning
}

// prepare does what nobody sees before the turn is published. It returns how many more entries will be shown.
func (c *replica[V]) prepare(records []*record[V], step follow.Step) (more int) {
	for _, r := range records {
		old := c.index.put(r)
		if old.isShown() {
			more--
		}
		if r.shown {
			more++
		}
		for reader := range c.readers {
			reader.note(r.entry.Key, old, r)
		}
	}
	for reader := range c.readers {
		reader.listed(step)
	}
	return more
}

// raise takes the table from a place to the revision of an answer, between which nothing has changed. During a turn it does nothing,
// because the table is about to leave that place. So it does not wait for a long list.
func (c *replica[V]) raise(from place, to *pb.ResponseHeader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.turning && c.place == from && to.GetRevision() > from.rev {
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

// snapshot does not depend on the size of the table.
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

// enter adds a reader that begins with a snapshot.
func (c *replica[V]) enter() (*reader[V], Snapshot[V]) {
	c.turns.Lock()
	defer c.turns.Unlock()
	r := &reader[V]{since: noted[V]{told: map[string]*record[V]{}}}
	c.readers[r] = struct{}{}
	return r, c.snapshot()
}

func (c *replica[V]) leave(r *reader[V]) {
	c.turns.Lock()
	defer c.turns.Unlock()
	delete(c.readers, r)
}

// news returns what has changed for a reader, and a channel that the next turn closes. A reader that has much to be told holds up no
// turn: it is told from a snapshot.
func (c *replica[V]) news(r *reader[V]) ([]Change[V], <-chan struct{}) {
	told, turned := c.take(r)
	return r.news(told), turned
}

// take takes what the reader has to be told of.
func (c *replica[V]) take(r *reader[V]) (noted[V], <-chan struct{}) {
	c.turns.Lock()
	defer c.turns.Unlock()
	_, _, turned := c.at()
	return r.take(c.snapshot), turned
}
