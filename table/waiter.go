// SPDX-License-Identifier: Apache-2.0

package table

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// A wait asks the servers how far the watch is. It gives the first question a moment, and then asks less and less often.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
)

// waiter waits until a replica is at some place.
type waiter[V any] struct {
	request  Request // the range
	replica  *replica[V]
	follower *follow.Follower
	done     <-chan struct{}
	ended    func() error // why the table has ended, once done is closed
}

// until waits until there reports true. rev is the revision that the caller waits for.
func (w waiter[V]) until(parent context.Context, rev int64, there func(place) bool) error {
	var met error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		at, _, turned := w.replica.at()
		if there(at) {
			return nil
		}
		asked := w.follower.Progress(parent)
		if arrived, err := w.moment(parent, turned, pause, rev, there); arrived || err != nil {
			return because(err, met)
		}
		if asked != nil && !errors.Is(asked, watch.ErrNoProgress) {
			met = asked
		}
		if asked == nil && pause < longestPause {
			continue // the answer may be on its way
		}
		if err := w.prove(parent, rev); err != nil && parent.Err() == nil {
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

// moment waits for a pause at most. The error is the end of parent or of the table.
func (w waiter[V]) moment(
	parent context.Context, turned <-chan struct{}, pause time.Duration, rev int64, there func(place) bool,
) (arrived bool, err error) {
	over := time.NewTimer(pause)
	defer over.Stop()
	for {
		select {
		case <-turned:
		case <-over.C:
			return false, nil
		case <-parent.Done():
			return false, fmt.Errorf("table: revision %d has not arrived: %w", rev, tell.Ended(parent))
		case <-w.done:
			if at, _, _ := w.replica.at(); there(at) {
				return true, nil
			}
			return false, w.ended()
		}
		var at place
		if at, _, turned = w.replica.at(); there(at) {
			return true, nil
		}
	}
}

// prove shows by a read that nothing has changed since the revision of the table, if that is so: no key has a later revision, and
// there are as many keys as before. The member looks at the whole range for that. So it is asked once the store has the revision that
// is waited for.
func (w waiter[V]) prove(parent context.Context, rev int64) error {
	epoch := w.follower.Epoch()
	now, err := kv.Get(parent, w.request.WithLimit(1).WithKeysOnly())
	if err != nil || now.GetHeader().GetRevision() < rev {
		return err
	}
	at, keys, _ := w.replica.at()
	changed, err := kv.Get(parent, w.request.WithMinModRev(at.rev+1).WithLimit(1).WithKeysOnly())
	if err != nil {
		return err
	}
	if h := changed.GetHeader(); at.precedes(h) && len(changed.GetKvs()) == 0 && changed.GetCount() == int64(keys) {
		w.follower.Proven(epoch, h)
		w.replica.raise(at, h)
	}
	return nil
}

// rev waits for a revision of the history that the table is in.
func (w waiter[V]) rev(parent context.Context, rev int64) error {
	before, _, _ := w.replica.at()
	now := before
	err := w.until(parent, rev, func(at place) bool {
		now = at
		return at.age != before.age || at.rev >= rev
	})
	if err == nil && now.age != before.age {
		err = fmt.Errorf("table: revision %d: %w", rev, &watch.RewoundError{ClusterID: now.cluster, Revision: now.rev})
	}
	return err
}

// newest waits for the newest revision of the store, whatever its history.
func (w waiter[V]) newest(parent context.Context) error {
	for {
		before, _, _ := w.replica.at()
		now, err := kv.Get(parent, w.request.WithLimit(1).WithKeysOnly())
		if err != nil {
			return err
		}
		h := now.GetHeader()
		same := before.precedes(h) // otherwise the watch of the table is about to meet the other history
		rev, age := h.GetRevision(), before.age
		err = w.until(parent, rev, func(at place) bool {
			age = at.age
			return age != before.age || same && at.rev >= rev
		})
		if err != nil || age == before.age {
			return err
		}
	}
}
