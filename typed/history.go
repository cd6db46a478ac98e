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
func (g *guarded) resolve(life context.Context, rev int64, now *state) (*state, error) {
	switch {
	case !g.creates() && now == nil:
		return nil, nil
	case !g.creates():
		return now, g.noneNext(life, now)
	case now == nil:
		return nil, g.noneCreated(life, rev, rev)
	}
	response, err := kv.Get(life, g.to.WithKey(g.put.Key()))
	if err != nil {
		return nil, err
	}
	now = &state{one(response), response.GetHeader().GetRevision()}
	if now.pair == nil {
		return nil, errors.New("the key has been created and deleted meanwhile")
	}
	return now, g.noneCreated(life, now.pair.GetModRevision(), 0)
}

// noneNext checks that the version of the key after the one before is not alike.
func (g *guarded) noneNext(life context.Context, now *state) error {
	before := g.before.pair
	if now.pair.GetCreateRevision() == before.GetCreateRevision() && now.pair.GetVersion() == before.GetVersion()+1 {
		if g.alike(now.pair) {
			return errAlike
		}
		return nil
	}
	return g.history(life, before.GetModRevision(), func(e *mvccpb.Event) (bool, error) {
		if e.GetType() == mvccpb.Event_PUT && g.alike(e.GetKv()) {
			return true, errAlike
		}
		return true, nil
	})
}

// noneCreated checks that no life of the key since before has begun alike, up to the revision last, except at the revision own.
func (g *guarded) noneCreated(life context.Context, last, own int64) error {
	return g.history(life, g.before.rev, func(e *mvccpb.Event) (bool, error) {
		rev := e.GetKv().GetModRevision()
		if rev != own && e.GetType() == mvccpb.Event_PUT && e.GetKv().GetVersion() == 1 && g.alike(e.GetKv()) {
			return true, errAlike
		}
		return rev >= last, nil
	})
}

// history has each look at the events of the key after a revision, until it has seen enough.
func (g *guarded) history(life context.Context, after int64, each func(*mvccpb.Event) (enough bool, err error)) error {
	w, err := watch.Watch(life, g.to.WithKey(g.put.Key()).WithStartRevision(after+1))
	if err == nil {
		defer w.Close()
		for event, failed := range w.Events() {
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
	return fmt.Errorf("typed: history of %q: %w", g.put.Key(), err)
}

// alike reports whether the write could have made this version of the key.
func (g *guarded) alike(pair *mvccpb.KeyValue) bool {
	return string(pair.GetValue()) == g.put.Value() && pair.GetLease() == g.put.Lease()
}
