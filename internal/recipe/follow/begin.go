// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"errors"

	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/past"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// begin creates the watch, and lists the keys unless they are known. The watch comes before the list, and after a look at the
// revision of the store. So it misses nothing, and it reports a store that goes back while the list is read.
func (f *Follower) begin(give func(Step) bool) (*watch.Watcher, error) {
	from, epoch := f.past.rev, f.past.epoch
	if !f.past.certain {
		var err error
		if from, epoch, err = f.look(); err != nil {
			return nil, err
		}
	}
	w, err := watch.Watch(f.life, f.spec.Watch(f.spec.Request).WithStartRevision(from+1))
	if err != nil {
		return nil, err
	}
	if f.past.certain {
		if f.seen.Epoch() != epoch { // the watch may have begun after the history of its revision was over
			_ = w.Close()
			return nil, errWentBack
		}
		f.use(w, false)
		return w, nil
	}
	last, all, err := list(f.life, f.spec, f.past, epoch, give)
	if err == nil {
		err = f.sameStill(last, from, epoch)
	}
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	f.remember(last, all, epoch)
	f.past.listed(last, epoch)
	f.fresh, f.resync = w, last.Resync
	stays := give(last)
	f.Shown()
	if !stays {
		return nil, errLeft
	}
	return w, nil
}

// look returns the revision of the store, and the epoch of its history.
func (f *Follower) look() (rev, epoch int64, err error) {
	if f.past.begun { // the first part of a list has to say whether it is of another history
		if err := f.compare(); err != nil {
			return 0, 0, err
		}
	}
	epoch = f.seen.Epoch()
	at, err := kv.Get(f.life, f.spec.Request.WithLimit(1).WithKeysOnly())
	return at.GetHeader().GetRevision(), epoch, err
}

// compare compares the store with what the connection has seen of it.
func (f *Follower) compare() error {
	to, err := wire.RouteOf(f.spec.Request)
	if err != nil {
		return err
	}
	r, err := render.Range(f.spec.Request)
	if err != nil {
		return err
	}
	_, _, err = f.seen.Compare(f.life, to, [][]byte{r.GetKey()}, nil)
	return err
}

// errWentBack begins again with a list: the store has gone back since its revision became known.
var errWentBack = errors.New("follow: the store has gone back to another history meanwhile")

// sameStill returns an error if a list is not of the history in which the watch began after revision from.
func (f *Follower) sameStill(last Step, from, epoch int64) error {
	if last.Rev < from {
		f.seen.Over(epoch, last.Header) // the next list is of another history, whatever its revision
		return errWentBack
	}
	if err := f.compare(); err != nil {
		return err
	}
	if f.seen.Epoch() != epoch {
		return errWentBack
	}
	return nil
}

// remember hands what a list has to the past of the connection. So a watch that has had no event still notices another history.
func (f *Follower) remember(last Step, all listing, epoch int64) {
	r, err := render.Range(f.spec.Request)
	if err == nil && all.count == int64(all.keys) { // otherwise it is not the whole range
		f.seen.Listed(epoch, last.Header, past.Range{Key: string(r.GetKey()), End: string(r.GetRangeEnd())}, all.newest, all.keys)
	}
}
