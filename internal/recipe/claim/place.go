// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// place is a place in a queue: the key that its lease has there.
type place struct {
	queue     *queue
	key       string
	lease     int64
	value     string
	kind      Kind
	proclaims bool // gives its value to a key that is there already

	rev    int64              // create revision of the key, 0 before it is known
	header *pb.ResponseHeader // of the answer that ahead is from
	ahead  []string           // older keys: the turn may come when one of them is gone; none if it has come

	// unanswered counts the puts that were not answered. A member may carry out such a put late, for example after a pause. The
	// last of them was given up at givenUp.
	unanswered int
	givenUp    time.Time
}

// errNoKey says that a server finds a key and does not find it in one transaction.
var errNoKey = errors.New("the server's answer to a transaction contradicts itself: the key is there, and it is not")

// join takes the place, or finds the place that the lease has already. Each lease has one.
func (p *place) join(waiting context.Context) error {
	key, all := ctx.Key(p.key), ctx.Key(p.queue.prefix).WithPrefix()
	txn := op.If(compare.Missing(p.key)).
		Then(op.Put(key.WithValue(p.kind.value(p.value)).WithLease(p.lease)), op.Get(p.kind.seeing(all, 1))).
		Else(op.Get(key))
	answer, err := p.put(waiting, txn)
	if err != nil {
		return err
	}
	if answer.GetSucceeded() {
		p.rev, p.header = answer.GetHeader().GetRevision(), answer.GetHeader()
		all, err := wire.RangeIn(answer, 1)
		if err != nil {
			return err
		}
		older := slices.DeleteFunc(all.GetKvs(), func(pair *mvccpb.KeyValue) bool { return string(pair.GetKey()) == p.key })
		p.behind(older)
		return nil
	}
	found, err := wire.RangeIn(answer, 0)
	if err != nil {
		p.missed()
		return err
	}
	if len(found.GetKvs()) == 0 {
		p.missed()
		return errNoKey
	}
	there := found.GetKvs()[0]
	if there.GetLease() != p.lease && p.unanswered == 0 {
		return errKeyTaken // and put by another client, whose it stays
	}
	p.rev = there.GetCreateRevision()
	if there.GetLease() != p.lease {
		return errKeyTaken
	}
	if p.proclaims && string(there.GetValue()) != p.value {
		if err := p.proclaim(waiting, there.GetModRevision()); err != nil {
			return err
		}
	}
	return p.look(waiting)
}

// behind notes which of the older keys the place waits for.
func (p *place) behind(older []*mvccpb.KeyValue) {
	p.ahead = p.kind.blockers(older)
	p.queue.entry.behind(p.lease, p.rev, p.ahead, older)
}

// joinIfFree takes the place if nobody is in the queue, and reports whether it has it.
func (p *place) joinIfFree(waiting context.Context) (bool, error) {
	key := ctx.Key(p.key)
	txn := op.If(compare.New(p.queue.prefix).WithPrefix().CreateRevision(compare.Equal, 0)).
		Then(op.Put(key.WithValue(p.value).WithLease(p.lease))).
		Else(op.Get(key.WithKeysOnly()))
	answer, err := p.put(waiting, txn)
	if err != nil {
		return false, err
	}
	p.header = answer.GetHeader()
	if answer.GetSucceeded() {
		p.rev = answer.GetHeader().GetRevision()
		return true, nil
	}
	// The key may be there from an earlier attempt, which found nobody in the queue.
	there, err := wire.RangeIn(answer, 0)
	if err != nil {
		p.missed()
	}
	if err != nil || len(there.GetKvs()) == 0 {
		return false, err
	}
	p.rev = there.GetKvs()[0].GetCreateRevision()
	return true, nil
}

// put sends the transaction that puts the key, until it is answered.
func (p *place) put(waiting context.Context, txn op.Transaction) (answer *pb.TxnResponse, err error) {
	err = p.queue.repeat(waiting, func(attempt context.Context) (err error) {
		answer, err = kv.Txn(attempt, p.queue.to, txn)
		if etcderr.OutcomeOf(err) == etcderr.Unknown {
			p.missed()
		}
		return err
	})
	return answer, err
}

// missed says that nobody knows whether the key was put.
func (p *place) missed() {
	p.unanswered++
	p.givenUp = time.Now()
}

// proclaim gives the key the value, unless it was written after a mod revision: a request may arrive late, when a newer value is
// there. That one stays, as if it had come after this one.
func (p *place) proclaim(waiting context.Context, mod int64) error {
	key := ctx.Key(p.key)
	txn := op.If(GuardOf(p.key, p.rev), compare.New(p.key).ModRevision(compare.Equal, mod)).
		Then(op.Put(key.WithValue(p.value).WithLease(p.lease))).
		Else(op.Get(key))
	return p.queue.repeat(waiting, func(attempt context.Context) error {
		answer, err := kv.Txn(attempt, p.queue.to, txn)
		if err != nil || answer.GetSucceeded() {
			return err
		}
		now, err := wire.RangeIn(answer, 0)
		if err != nil {
			return err
		}
		switch there := now.GetKvs(); {
		case len(there) == 0 || there[0].GetCreateRevision() != p.rev:
			return errKeyGone
		case there[0].GetLease() != p.lease:
			return errKeyTaken
		default:
			return nil
		}
	})
}

// look finds the keys that are ahead. It returns errKeyGone if the place is lost.
func (p *place) look(waiting context.Context) error {
	older := p.kind.seeing(ctx.Key(p.queue.prefix).WithPrefix().WithMaxCreateRev(p.rev-1), 0)
	txn := op.If().Then(op.Get(ctx.Key(p.key).WithKeysOnly()), op.Get(older))
	return p.queue.repeat(waiting, func(attempt context.Context) error {
		answer, err := kv.Txn(attempt, p.queue.to, txn)
		if err != nil {
			return err
		}
		own, err := wire.RangeIn(answer, 0)
		if err != nil {
			return err
		}
		older, err := wire.RangeIn(answer, 1)
		if err != nil {
			return err
		}
		if len(own.GetKvs()) == 0 || own.GetKvs()[0].GetCreateRevision() != p.rev {
			return errKeyGone
		}
		p.header = answer.GetHeader()
		p.behind(older.GetKvs())
		return nil
	})
}

// await waits for the turn of the place. It looks again only when a key that it waits for is gone. Another key may be ahead then:
// a client that gives up goes before its predecessor, and a holder may go before an older one beside it.
func (p *place) await(waiting context.Context) error {
	var rest wait.Pause
	for len(p.ahead) > 0 {
		err := p.queue.anyDeleted(waiting, p.ahead, p.header.GetRevision())
		switch {
		case waiting.Err() != nil:
			return fmt.Errorf("%w while %q is ahead", tell.Ended(waiting), p.ahead[0])
		case err == nil:
			rest.Reset()
		case Final(err):
			return err
		case !rest.Sleep(waiting): // the history that this relied on is not to be had: look anew
			continue
		}
		if err := p.look(waiting); err != nil {
			return err
		}
	}
	return nil
}

// found is the key of a place at a revision.
type found struct {
	at   int64
	rev  int64 // create revision, 0 if it is not there
	ours bool  // it is there, and attached to the lease
}

// find reads the key.
func (p *place) find(waiting context.Context) (there found, err error) {
	err = p.queue.repeat(waiting, func(attempt context.Context) error {
		// With the value: etcd 3.7 sends no lease where it sends keys only.
		answer, err := kv.Get(attempt, p.queue.to.WithKey(p.key))
		there = found{at: answer.GetHeader().GetRevision()}
		for _, pair := range answer.GetKvs() {
			there.rev, there.ours = pair.GetCreateRevision(), pair.GetLease() == p.lease
		}
		return err
	})
	return there, err
}

// remove deletes the key if it has the given create revision.
func (p *place) remove(waiting context.Context, rev int64) error {
	txn := op.If(GuardOf(p.key, rev)).Then(op.Delete(ctx.Key(p.key)))
	return p.queue.repeat(waiting, func(attempt context.Context) error {
		_, err := kv.Txn(attempt, p.queue.to, txn)
		return err
	})
}
