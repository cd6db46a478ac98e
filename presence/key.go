// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

// seen is the key as it was seen last.
type seen struct {
	at    int64 // revision up to which that is known
	mod   int64 // revision of its last put, 0 while the key is missing
	lease int64
	value string
}

func seenOf(there *mvccpb.KeyValue, at int64) seen {
	return seen{at: at, mod: there.GetModRevision(), lease: there.GetLease(), value: string(there.GetValue())}
}

// key is the key of a presence.
type key struct {
	*asker
	to      ctx.Ctx // where requests go
	name    string
	seen    seen
	watcher *watch.Watcher // nil where the key is to be read again
	own     []int64        // leases that the presence has or had
	late    time.Time      // until when a creation that got no answer may come
}

// foreign reports whether the key is somebody else's.
func (k *key) foreign() bool {
	return k.seen.mod != 0 && k.seen.lease != 0 && !k.ours(k.seen.lease)
}

// ours reports whether the presence has, or had, the lease.
func (k *key) ours(lease int64) bool { return slices.Contains(k.own, lease) }

// ownMax is how many of its leases a presence remembers, to know its own key again.
const ownMax = 17

// under notes that the presence has a lease, under which the key may be from now on.
func (k *key) under(lease int64) {
	if k.ours(lease) {
		return
	}
	if k.own = append(k.own, lease); len(k.own) > ownMax {
		k.own = slices.Delete(k.own, 0, 1)
	}
}

// read reads the key and begins to watch it.
func (k *key) read(within context.Context) error {
	if err := k.reread(within); err != nil {
		return err
	}
	return k.ask(within, func(context.Context) (err error) {
		c := k.to.WithKey(k.name).WithStartRevision(k.seen.at + 1).WithTimeout(k.limit)
		k.watcher, err = watch.Watch(within, c)
		return err
	})
}

// reread reads the key.
func (k *key) reread(within context.Context) error {
	return k.ask(within, func(attempt context.Context) error {
		answer, err := kv.Get(attempt, k.to.WithKey(k.name))
		if err == nil {
			k.seen = seenOf(first(answer.GetKvs()), answer.GetHeader().GetRevision())
		}
		return err
	})
}

func first(pairs []*mvccpb.KeyValue) *mvccpb.KeyValue {
	if len(pairs) == 0 {
		return nil
	}
	return pairs[0]
}

// told takes what the watch tells.
func (k *key) told(response *pb.WatchResponse) {
	events := response.GetEvents()
	if len(events) == 0 {
		return
	}
	last := events[len(events)-1]
	if last.GetKv().GetModRevision() <= k.seen.at {
		return
	}
	if last.GetType() == mvccpb.Event_DELETE {
		k.seen = seen{at: last.GetKv().GetModRevision()}
		return
	}
	k.seen = seenOf(last.GetKv(), last.GetKv().GetModRevision())
}

// unwatch notes that the watch has ended, and returns why.
func (k *key) unwatch() error {
	err := k.watcher.Err()
	k.watcher = nil
	return err
}

// lateness is how long a request without an answer may still arrive: it may wait in a member that is paused, or in a network
// that is cut.
const lateness = time.Minute

// put puts the key under a lease, if it is as it was seen last.
func (k *key) put(within context.Context, value string, lease int64) error {
	request := ctx.Key(k.name).WithValue(value).WithLease(lease)
	err := k.alter(within, op.Put(request), func(rev int64) {
		k.seen = seen{at: rev, mod: rev, lease: lease, value: value}
	})
	if k.seen.mod == 0 && etcderr.OutcomeOf(err) == etcderr.Unknown {
		k.late = time.Now().Add(lateness)
	}
	return err
}

// alter does something to the key if that is as it was seen last, and sees how it is otherwise.
func (k *key) alter(within context.Context, what op.Op, done func(rev int64)) error {
	asSeen := []compare.Compare{
		compare.New(k.name).ModRevision(compare.Equal, k.seen.mod),
		compare.New(k.name).Lease(compare.Equal, k.seen.lease),
	}
	txn := op.If(asSeen...).Then(what).Else(op.Get(ctx.Key(k.name)))
	return k.ask(within, func(attempt context.Context) error {
		answer, err := kv.Txn(attempt, k.to, txn)
		switch rev := answer.GetHeader().GetRevision(); {
		case err != nil:
		case answer.GetSucceeded():
			done(rev)
		default:
			var now *pb.RangeResponse
			if now, err = wire.RangeIn(answer, 0); err == nil {
				k.seen = seenOf(first(now.GetKvs()), rev)
			}
		}
		return err
	})
}
