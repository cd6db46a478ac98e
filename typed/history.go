// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

var errAlike = errors.New("the value that it writes is there, written by this client or by another one")

// resolve finds out what became of the earlier attempts of a write, once one attempt has been answered: rev and now are its
// outcome. It returns what the key is now, nil if the write is applied once for sure, and an error if it may have been
// applied by an earlier attempt as well, or without being seen.
//
//	the key was | the attempt was | applied earlier, if
//	there       | applied         | never: a mod revision does not come back
//	there       | refused         | the next version of the key is alike
//	missing     | applied         | a life of the key in between began alike: it was deleted again
//	missing     | refused         | a life of the key since then began alike
func resolve(life context.Context, w *write, rev int64, now *state) (*state, error) {
	switch {
	case !w.creates() && now == nil:
		return nil, nil
	case !w.creates():
		return now, noneNext(life, w, now)
	case now == nil:
		return nil, noneCreated(life, w, rev, rev)
	}
	response, err := kv.Get(life, w.to.WithKey(w.key()))
	if err != nil {
		return nil, err
	}
	now = &state{one(response), response.GetHeader().GetRevision()}
	if now.pair == nil {
		return nil, errors.New("the key has been created and deleted meanwhile")
	}
	return now, noneCreated(life, w, now.pair.GetModRevision(), 0)
}

// noneNext checks that the version of the key after the one before is not alike.
func noneNext(life context.Context, w *write, now *state) error {
	before := w.before.pair
	if now.pair.GetCreateRevision() == before.GetCreateRevision() && now.pair.GetVersion() == before.GetVersion()+1 {
		if w.alike(now.pair) {
			return errAlike
		}
		return nil
	}
	return history(life, w, before.GetModRevision(), func(e *mvccpb.Event) (bool, error) {
		if e.GetType() == mvccpb.Event_PUT && w.alike(e.GetKv()) {
			return true, errAlike
		}
		return true, nil
	})
}

// noneCreated checks that no life of the key since before has begun alike, up to the revision last, except at the revision own.
func noneCreated(life context.Context, w *write, last, own int64) error {
	return history(life, w, w.before.rev, func(e *mvccpb.Event) (bool, error) {
		rev := e.GetKv().GetModRevision()
		if rev != own && e.GetType() == mvccpb.Event_PUT && e.GetKv().GetVersion() == 1 && w.alike(e.GetKv()) {
			return true, errAlike
		}
		return rev >= last, nil
	})
}

// history has each look at the events of the key after a revision, until it has seen enough.
func history(life context.Context, w *write, after int64, each func(*mvccpb.Event) (enough bool, err error)) error {
	watcher, err := watch.Watch(life, w.to.WithKey(w.key()).WithStartRevision(after+1))
	if err == nil {
		defer watcher.Close()
		for event, failed := range watcher.Events() {
			if err = failed; err != nil {
				break
			}
			if enough, err := each(event); enough {
				return err
			}
		}
	}
	if err == nil {
		err = tell.Ended(life)
	}
	return fmt.Errorf("typed: history of %q: %w", w.key(), err)
}
