// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
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

// foreign reports whether the key is somebody else's.
func (p *Presence) foreign() bool {
	return p.seen.mod != 0 && p.seen.lease != 0 && !p.ours(p.seen.lease)
}

// ours reports whether the presence has, or had, the lease.
func (p *Presence) ours(lease int64) bool {
	return p.tenure != nil && lease == p.tenure.id || slices.Contains(p.former, lease)
}

// read reads the key and begins to watch it.
func (p *Presence) read(within context.Context) error {
	if err := p.reread(within); err != nil {
		return err
	}
	return p.ask(within, func(context.Context) (err error) {
		c := p.to.WithKey(p.key).WithStartRevision(p.seen.at + 1).WithTimeout(p.limit)
		p.watcher, err = watch.Watch(within, c)
		return err
	})
}

// reread reads the key.
func (p *Presence) reread(within context.Context) error {
	return p.ask(within, func(attempt context.Context) error {
		answer, err := kv.Get(attempt, p.to.WithKey(p.key))
		if err == nil {
			p.see(seenOf(first(answer.GetKvs()), answer.GetHeader().GetRevision()))
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

// told takes what the watch tells, or that it has ended.
func (p *Presence) told(response *pb.WatchResponse, ok bool) {
	if !ok {
		err := p.watcher.Err()
		p.watcher = nil
		var rewound *watch.RewoundError
		if errors.As(err, &rewound) {
			p.drop(err)
		}
		p.returning = true
		return
	}
	events := response.GetEvents()
	if len(events) == 0 {
		return
	}
	last := events[len(events)-1]
	if last.GetKv().GetModRevision() <= p.seen.at {
		return
	}
	if last.GetType() == mvccpb.Event_DELETE {
		p.see(seen{at: last.GetKv().GetModRevision()})
		return
	}
	p.see(seenOf(last.GetKv(), last.GetKv().GetModRevision()))
}

// see notes how the key is, and whether that is a loss.
func (p *Presence) see(now seen) {
	p.seen = now
	p.mu.Lock()
	was := p.stage
	p.mu.Unlock()
	switch {
	case was != present:
	case now.mod == 0:
		p.lost(ErrDeleted)
	case now.lease == 0:
		p.lost(ErrOverwritten)
	case p.foreign():
		p.lost(ErrHeld)
	}
}

// lateness is for how long a request that no answer came to is reckoned with: it may wait in a member that is paused, or in a
// network that is cut.
const lateness = time.Minute

// put puts the key, if it is as it was seen last.
func (p *Presence) put(newest *setting) error {
	within, cancel := p.valid()
	defer cancel()
	request := ctx.Key(p.key).WithValue(newest.value).WithLease(p.tenure.id)
	err := p.alter(within, op.Put(request), func(rev int64) {
		p.seen = seen{at: rev, mod: rev, lease: p.tenure.id, value: newest.value}
	})
	if err == nil {
		return nil
	}
	if errors.Is(err, etcderr.ErrLeaseNotFound) {
		p.drop(err)
		return nil
	}
	if p.seen.mod == 0 && etcderr.OutcomeOf(err) == etcderr.Unknown {
		p.late = time.Now().Add(lateness)
	}
	if final(err) && p.refuse(newest, err) {
		return nil
	}
	return err
}

// alter does something to the key if that is as it was seen last, and sees how it is otherwise.
func (p *Presence) alter(within context.Context, what op.Op, done func(rev int64)) error {
	asSeen := []compare.Compare{
		compare.New(p.key).ModRevision(compare.Equal, p.seen.mod),
		compare.New(p.key).Lease(compare.Equal, p.seen.lease),
	}
	txn := op.If(asSeen...).Then(what).Else(op.Get(ctx.Key(p.key)))
	return p.ask(within, func(attempt context.Context) error {
		answer, err := kv.Txn(attempt, p.to, txn)
		switch rev := answer.GetHeader().GetRevision(); {
		case err != nil:
		case answer.GetSucceeded():
			done(rev)
		default:
			p.see(seenOf(first(answer.GetResponses()[0].GetResponseRange().GetKvs()), rev))
		}
		return err
	})
}
