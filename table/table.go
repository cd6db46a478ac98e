// SPDX-License-Identifier: Apache-2.0

package table

import (
	"errors"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// ErrClosed is what WaitRev and Sync return after Close.
var ErrClosed = errors.New("table: closed")

// Table is a local copy of a range of keys. [Follow] makes one. It is safe for concurrent use.
type Table[V any] struct {
	request  Request // the range, without the time of Follow
	options  options[V]
	copy     *replica[V]
	follower *follow.Follower
	listed   chan struct{} // closed when the first list is complete
	done     chan struct{}

	mu     sync.Mutex
	closed bool
	met    error // what the last attempt at the first list met
	err    error
}

// Status is where a table stands.
type Status struct {
	// Rev is the revision that the table shows. It moves with every change of the range, and when the servers tell that nothing
	// has changed: on request of Sync and WaitRev, and about every 10 minutes.
	Rev int64
	// InStep says that the watch of the range is on a server, so changes arrive within moments. Otherwise the table is as old
	// as Since, or somewhat older: a member that fell silent is noticed after a second or two.
	InStep bool
	Since  time.Time // since when InStep has its value
	// Err says why the table is not in step. It is nil while InStep, and before something has failed.
	Err       error
	Resyncs   int      // lists after the first one
	Undecoded []string // the keys whose last value does not decode or was refused, in order
}

// Get returns the entry of a key, and whether there is one. It takes no lock, calls no server and allocates nothing. Once a
// call has shown a revision, later calls show it too. Use [Table.Snapshot] for several keys at one revision.
func (t *Table[V]) Get(key string) (entry Entry[V], there bool) {
	if r := t.copy.index.get(key); r != nil && r.shown {
		return r.entry, true
	}
	return entry, false
}

// Snapshot returns the whole table as it is. It calls no server, and its cost does not depend on the size of the table.
func (t *Table[V]) Snapshot() Snapshot[V] { return t.copy.snapshot() }

// Status returns where the table stands. It calls no server.
func (t *Table[V]) Status() Status {
	s := t.follower.Status()
	at, _, _ := t.copy.at()
	return Status{
		Rev: at.rev, InStep: s.InStep, Since: s.Since, Err: s.Err, Resyncs: s.Resyncs, Undecoded: t.copy.undecoded(),
	}
}

// Done returns a channel that is closed when the table has ended. It keeps what it shows, and is not updated any more.
func (t *Table[V]) Done() <-chan struct{} { return t.done }

// Err returns why the table has ended: the error of its parent context, or conn.ErrClosed. It is nil while the table lives, and
// after Close. Everything else passes: see Status.
func (t *Table[V]) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Close ends the table and waits until it has ended. It always returns nil, and may be called more than once.
func (t *Table[V]) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.follower.Close()
	<-t.done
	return nil
}

// ended returns why a call of a table that has ended fails.
func (t *Table[V]) ended() error {
	if err := t.Err(); err != nil {
		return err
	}
	return ErrClosed
}
