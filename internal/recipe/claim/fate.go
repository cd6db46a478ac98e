// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/watch"
)

// The functions of this file wait for something that happens to keys which are known at a revision. Failures that may pass do not
// end the wait. An error is the end of life, a refusal, or errHistory.

var (
	// errKeyGone says that the key of a place was deleted, and the place is lost with it.
	errKeyGone = errors.New("the key is gone")
	// errKeyTaken says that the key of a place does not go with its lease any more.
	errKeyTaken = errors.New("another client has overwritten the key, without the lease")
	// errHistory says that the fate of a key is unknown, as after the store has been restored from a backup.
	errHistory = errors.New("the key cannot be followed")
)

// lost waits until a key that existed at a revision no longer belongs to its lease, and returns how: errKeyGone or errKeyTaken.
func (q *queue) lost(life context.Context, key string, lease, at int64) error {
	var how error
	err := q.happens(life, q.to.WithKey(key), everything, at, []string{key}, func(e *mvccpb.Event) bool {
		switch {
		case recreated(e, at):
			how = errKeyGone
		case e.GetKv().GetLease() != lease:
			how = errKeyTaken
		}
		return how != nil
	})
	if err != nil {
		return err
	}
	return how
}

// alone is how many keys a waiter watches with a watch each. So an event reaches those who wait for its key only. More than that
// would be a burden for the server: the waiter watches the whole queue with one watch then.
const alone = 8

// anyDeleted waits until one of the keys that existed at a revision is deleted.
func (q *queue) anyDeleted(life context.Context, keys []string, at int64) error {
	if len(keys) == 1 {
		return q.deleted(life, q.to.WithKey(keys[0]), keys, at)
	}
	if len(keys) > alone {
		return q.deleted(life, q.to.WithKey(q.prefix).WithPrefix(), keys, at)
	}
	watching, stop := context.WithCancel(life)
	ends := make(chan error, len(keys))
	var watches sync.WaitGroup
	for i := range keys {
		watches.Go(func() { ends <- q.deleted(watching, q.to.WithKey(keys[i]), keys[i:i+1], at) })
	}
	first := <-ends
	stop()
	watches.Wait()
	return first
}

// deleted waits until one of the keys within a range is deleted.
func (q *queue) deleted(life context.Context, within ctx.Ctx, keys []string, at int64) error {
	keys = slices.Sorted(slices.Values(keys))
	return q.happens(life, within, ctx.Ctx.WithFilterPut, at, keys, func(e *mvccpb.Event) bool {
		_, ours := slices.BinarySearch(keys, string(e.GetKv().GetKey()))
		return ours && recreated(e, at)
	})
}

// recreated reports whether an event shows that a key which existed at a revision was deleted. Another one may be there since.
func recreated(e *mvccpb.Event, at int64) bool {
	return e.GetType() == mvccpb.Event_DELETE || e.GetKv().GetCreateRevision() > at
}

// created waits until a key that did not exist at a revision is put.
func (q *queue) created(life context.Context, key string, at int64) error {
	return q.happens(life, q.to.WithKey(key), ctx.Ctx.WithFilterDelete, at, nil, func(e *mvccpb.Event) bool {
		return e.GetType() == mvccpb.Event_PUT
	})
}

// everything is no filter.
func everything(c ctx.Ctx) ctx.Ctx { return c }

// happens waits for an event within a range. keys, in order, are those that existed at the revision.
func (q *queue) happens(
	life context.Context, within ctx.Ctx, filter func(ctx.Ctx) ctx.Ctx, at int64, keys []string, wanted func(*mvccpb.Event) bool,
) error {
	known := func() iter.Seq2[string, int64] {
		return func(yield func(string, int64) bool) {
			for _, key := range keys {
				if !yield(key, 0) {
					return
				}
			}
		}
	}
	f, err := follow.New(life, follow.Spec{Request: within, From: at, Watch: filter, Known: known})
	if err != nil {
		return q.whyNot(err)
	}
	defer f.Close()
	for step, err := range f.Steps() {
		var compacted *watch.CompactedError
		switch {
		case step.Rewound:
			return errHistory
		case err == nil || errors.As(err, &compacted) || q.passing(err): // a new list tells what is missing
		case life.Err() != nil || Final(err):
			return err
		default:
			return fmt.Errorf("%w: %w", errHistory, err)
		}
		if slices.ContainsFunc(step.Events, wanted) {
			return nil
		}
	}
	return tell.Ended(life)
}
