// SPDX-License-Identifier: Apache-2.0

package table

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// ErrClosed is the error of WaitRev and Sync after Close.
var ErrClosed = errors.New("table: closed")

// Table is a local copy of a range of keys. [Follow] makes one. It is safe for concurrent use.
type Table[V any] struct {
	keys     report.Range
	replica  *replica[V]
	follower *follow.Follower
	waiter   waiter[V]
	listed   chan struct{} // closed when the first list is complete
	done     chan struct{}

	mu     sync.Mutex
	closed bool
	met    error // of the last attempt at the first list
	err    error
}

// Status is where a table stands.
type Status struct {
	// Rev is the revision that the table shows. It moves with every change of the range. It also moves when a server says that
	// nothing has changed: a server does so when Sync or WaitRev asks, and about every 10 minutes.
	Rev int64
	// InStep says that the table has its list and that its watch is on a server, so changes arrive within moments. Otherwise the
	// table shows the store as it was at Since, or a few seconds earlier, because a silent member is not noticed at once.
	InStep bool
	Since  time.Time // when InStep got its value
	// Err says why the table is not in step. It is nil while InStep, and before something has failed.
	Err       error
	Resyncs   int      // lists after the first one
	Undecoded []string // the keys whose last value does not decode or was refused by WithValidate, in order
}

// Get returns the entry of a key, and whether there is one. It takes no lock, calls no server and allocates nothing. It never
// shows less than an earlier call did. Use [Table.Snapshot] for several keys at one revision.
func (t *Table[V]) Get(key string) (entry Entry[V], there bool) {
	if r := t.replica.index.get(key); r.isShown() {
		return r.entry, true
	}
	return entry, false
}

// Snapshot returns the whole table at its revision. It calls no server. Its cost does not depend on the size of the table, and it
// does not wait while the table takes a list.
func (t *Table[V]) Snapshot() Snapshot[V] { return t.replica.snapshot() }

// Changes tells all entries first, in the order of their keys, each as a new one, and then what changes. The loop ends when parent
// ends, or with the table after the last change. A nil parent never ends.
//
// Each loop is a reader of its own. A slow reader delays nobody: it gets the newest state of each key, and is not told of a key that
// was created and deleted meanwhile. It calls no server. A new
// loop may wait a moment while the table takes a long list.
func (t *Table[V]) Changes(parent context.Context) iter.Seq[Change[V]] {
	if parent == nil {
		parent = context.Background()
	}
	return func(yield func(Change[V]) bool) {
		give := func(c Change[V]) bool { return parent.Err() == nil && yield(c) }
		r, first := t.replica.enter()
		defer t.replica.leave(r)
		for e := range first.All() {
			if !give(Change[V]{New: &e, Rev: first.rev}) {
				return
			}
		}
		for ended := false; ; {
			changes, turned := t.replica.news(r)
			for _, c := range changes {
				if !give(c) {
					return
				}
			}
			if len(changes) > 0 {
				continue
			}
			if ended {
				return
			}
			select {
			case <-turned:
			case <-parent.Done():
				return
			case <-t.done:
				ended = true // there may be a last change
			}
		}
	}
}

// WaitRev waits until the table shows a revision, such as that of a write of the program's own. It returns at once if the table shows
// it already. It also returns if nothing of the range has changed at that revision. It waits through outages and for a revision that
// does not exist yet, until parent ends.
//
// If the store goes back to another history meanwhile, the error is a [*watch.RewoundError], because the revision may never come or
// mean something else. At the end of parent it is the error of parent, with the last one that a question to the servers has met. If
// the table has ended it is [ErrClosed] or Err. A nil parent is kv.ErrInvalid.
//
// It calls Watch/Watch on the stream of the table, and KV/Range where that is not enough, as with a gRPC proxy.
func (t *Table[V]) WaitRev(parent context.Context, rev int64) error {
	if parent == nil {
		return render.AlsoInvalid(nil, "table: the parent context is nil")
	}
	return t.waiter.rev(parent, rev)
}

// Sync waits until the table has everything that was written before the call, by this program or another one. What Get and Snapshot
// return then is linearizable. It asks for the newest revision, and waits for that as [Table.WaitRev] does. If the store goes back
// meanwhile, it asks again. In an outage it fails as kv.Get does. It calls KV/Range and Watch/Watch.
func (t *Table[V]) Sync(parent context.Context) error {
	if parent == nil {
		return render.AlsoInvalid(nil, "table: the parent context is nil")
	}
	select {
	case <-t.done:
		return t.ended()
	default:
		return t.waiter.newest(parent)
	}
}

// Status returns where the table stands. It calls no server.
func (t *Table[V]) Status() Status {
	s := t.follower.Status() // before the place: a turn that shows a list puts the follower in step too
	at, _, _ := t.replica.at()
	return Status{
		Rev: at.rev, InStep: s.InStep, Since: s.Since, Err: s.Err, Resyncs: s.Resyncs, Undecoded: t.replica.undecoded(),
	}
}

// told returns what reports tell about the table.
func (t *Table[V]) told() report.Table {
	s := t.Status()
	_, entries, _ := t.replica.at()
	return report.Table{
		Keys: t.keys, Entries: entries, Rev: s.Rev, InStep: s.InStep, Since: s.Since, Err: s.Err, Resyncs: s.Resyncs,
		Undecoded: len(s.Undecoded),
	}
}

// Done returns a channel that is closed when the table has ended. A table that has ended keeps its entries, and does not change.
func (t *Table[V]) Done() <-chan struct{} { return t.done }

// Err returns why the table has ended: the error of its parent context, or conn.ErrClosed. It is nil while the table lives, and
// after Close. No other failure ends a table: see Status.
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

// unlisted returns why the first list did not come about.
func (t *Table[V]) unlisted(waiting context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case waiting.Err() == nil:
		return t.err
	case t.met != nil:
		return fmt.Errorf("table: the keys are not listed: %w: %w", tell.Ended(waiting), t.met)
	default:
		return fmt.Errorf("table: the keys are not listed: %w", tell.Ended(waiting))
	}
}

// run is the goroutine of a table. It takes one step after the other.
func (t *Table[V]) run(life context.Context, feed *feeder[V]) {
	defer close(t.done)
	defer context.AfterFunc(life, t.follower.Close)()
	for step, err := range t.follower.Steps() {
		if err == nil {
			if feed.feed(step) && !t.isListed() {
				close(t.listed)
			}
			continue
		}
		if t.isListed() {
			continue // it passes, and Status tells it
		}
		t.mu.Lock()
		t.met = err
		t.mu.Unlock()
		if claim.Final(err) && !lostHistory(err) {
			t.end(err)
			return
		}
	}
	err := t.follower.Err()
	if err == nil && life.Err() != nil {
		err = connerr.ErrClosed
	}
	t.end(err)
}

// lostHistory reports whether a list failed because its revision does not exist any more. The next list has another one.
func lostHistory(err error) bool {
	return errors.Is(err, etcderr.ErrCompacted) || errors.Is(err, etcderr.ErrFutureRev)
}

func (t *Table[V]) end(err error) {
	t.follower.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.err = err
	}
}

func (t *Table[V]) isListed() bool {
	select {
	case <-t.listed:
		return true
	default:
		return false
	}
}

// tell calls f with every change, until the table is closed or the connection is.
func (t *Table[V]) tell(life context.Context, f func(Change[V])) {
	select {
	case <-t.listed:
	case <-t.done:
	}
	for change := range t.Changes(life) {
		t.mu.Lock()
		closed := t.closed
		t.mu.Unlock()
		if closed {
			return
		}
		f(change)
	}
}
