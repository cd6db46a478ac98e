// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// found is the key of a place as it was at a revision.
type found struct {
	at   int64
	rev  int64 // create revision, 0 if it is not there
	ours bool  // it is there, and attached to the lease
}

// find reads the key.
func (p *place) find(waiting context.Context) (there found, err error) {
	err = p.queue.repeat(waiting, func(attempt context.Context) error {
		answer, err := kv.Get(attempt, p.queue.to.WithKey(p.key)) // in whole: etcd 3.7 leaves the lease out of what has keys only
		there = found{at: answer.GetHeader().GetRevision()}
		for _, pair := range answer.GetKvs() {
			there.rev, there.ours = pair.GetCreateRevision(), pair.GetLease() == p.lease
		}
		return err
	})
	return there, err
}

// remove deletes the key if it is that with the create revision.
func (p *place) remove(waiting context.Context, rev int64) error {
	txn := op.If(GuardOf(p.key, rev)).Then(op.Delete(ctx.Key(p.key)))
	return p.queue.repeat(waiting, func(attempt context.Context) error {
		_, err := kv.Txn(attempt, p.queue.to, txn)
		return err
	})
}
