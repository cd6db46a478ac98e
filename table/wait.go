// SPDX-License-Identifier: Apache-2.0

package table

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// A wait asks the servers how far the watch is. It gives the first question a moment, and then asks less and less often.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
)

// WaitRev waits until the table shows a revision: that of the caller's own write, say. It returns at once if it does, and it returns
// also if nothing of the range has changed at that revision. It waits as long as parent, through outages, and for a revision
// that does not exist yet.
//
// The error is that of parent, with the last one that a question to the servers has met. If the table has ended it is [ErrClosed]
// or Err. A nil parent is kv.ErrInvalid. It calls Watch/Watch on the stream of the table, and KV/Range where that is not enough, as with
// a gRPC proxy.
func (t *Table[V]) WaitRev(parent context.Context, rev int64) error {
	if parent == nil {
		return render.AlsoInvalid(nil, "table: the parent context is nil")
	}
	return t.wait(parent, rev, func(at place) bool { return at.rev >= rev })
}

// wait waits until there reports true. rev is the revision that the caller waits for.
func (t *Table[V]) wait(parent context.Context, rev int64, there func(place) bool) error {
	var met error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		at, _, turned := t.copy.at()
		if there(at) {
			return nil
		}
		asked := t.follower.Progress(parent)
		if arrived, err := t.until(parent, turned, pause, rev, there); arrived || err != nil {
			return because(err, met)
		}
		if asked != nil && !errors.Is(asked, watch.ErrNoProgress) {
			met = asked
		}
		if asked == nil && pause < longestPause {
			continue // the answer may be on its way
		}
		if err := t.prove(parent, rev); err != nil && parent.Err() == nil {
			met = err
		}
	}
}

func because(err, met error) error {
	if err == nil || met == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, met)
}

// until waits for a moment. The error is the end of parent or of the table.
func (t *Table[V]) until(
	parent context.Context, turned <-chan struct{}, pause time.Duration, rev int64, there func(place) bool,
) (arrived bool, err error) {
	moment := time.NewTimer(pause)
	defer moment.Stop()
	for {
		select {
		case <-turned:
		case <-moment.C:
			return false, nil
		case <-parent.Done():
			return false, fmt.Errorf("table: revision %d has not arrived: %w", rev, tell.Ended(parent))
		case <-t.done:
			if at, _, _ := t.copy.at(); there(at) {
				return true, nil
			}
			return false, t.ended()
		}
		var at place
		if at, _, turned = t.copy.at(); there(at) {
			return true, nil
		}
	}
}

// prove shows by a read that nothing has changed since the revision of the table, if that is so: no key has a later revision, and
// there are as many keys as before. The member looks at the whole range for that. So it is asked once the store has the revision that
// is waited for.
func (t *Table[V]) prove(parent context.Context, rev int64) error {
	now, err := kv.Get(parent, t.request.WithLimit(1).WithKeysOnly())
	if err != nil || now.GetHeader().GetRevision() < rev {
		return err
	}
	at, keys, _ := t.copy.at()
	changed, err := kv.Get(parent, t.request.WithMinModRev(at.rev+1).WithLimit(1).WithKeysOnly())
	if err != nil {
		return err
	}
	if h := changed.GetHeader(); at.precedes(h) && len(changed.GetKvs()) == 0 && changed.GetCount() == int64(keys) {
		t.follower.Proven(h)
		t.copy.raise(at, h)
	}
	return nil
}

// Sync waits until the table has everything that was written before the call, by whomever. What Get and Snapshot return then is
// linearizable. It asks for the newest revision, and waits for that as [Table.WaitRev] does. In an outage it fails as kv.Get does. It
// calls KV/Range and Watch/Watch.
func (t *Table[V]) Sync(parent context.Context) error {
	if parent == nil {
		return render.AlsoInvalid(nil, "table: the parent context is nil")
	}
	if t.isDone() {
		return t.ended()
	}
	for {
		before, _, _ := t.copy.at()
		now, err := kv.Get(parent, t.request.WithLimit(1).WithKeysOnly())
		if err != nil {
			return err
		}
		h := now.GetHeader()
		same := before.precedes(h) // otherwise the watch of the table is about to meet the other history
		rev, age := h.GetRevision(), before.age
		err = t.wait(parent, rev, func(at place) bool {
			age = at.age
			return age != before.age || same && at.rev >= rev
		})
		if err != nil || age == before.age {
			return err
		}
	}
}

func (t *Table[V]) isDone() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}
