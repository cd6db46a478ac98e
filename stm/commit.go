// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// commit writes, if the guards hold. The try has ended, so nothing of it changes any more.
//
// What was read at one revision was true together at that revision, whatever became of it since, so that a transaction
// which only reads such has nothing left to prove. One that has read several revisions has.
func (tx *Tx) commit() (*pb.TxnResponse, error) {
	guards := tx.guards()
	if len(tx.writes) == 0 && (len(guards) == 0 || tx.run.isolation.snapshot()) {
		header := tx.header
		if header == nil {
			header = &pb.ResponseHeader{}
		}
		return &pb.TxnResponse{Header: header, Succeeded: true}, nil
	}
	var reads []span
	if len(guards) > 0 {
		// To read them again in place of writing saves the next try a request. It also makes servers judge a transaction that
		// writes nothing with the agreement of the majority: one without any operation a member answers by what it knows itself.
		reads = slices.SortedFunc(maps.Keys(tx.reads), compareSpans)
	}
	response, err := kv.Txn(tx.run.life, tx.run.to, op.If(guards...).Then(tx.ops()...).Else(gets(reads)...))
	switch {
	case err != nil && len(tx.writes) == 0:
		return nil, ofRead(tooMany(err, len(guards), len(reads)))
	case err != nil:
		return nil, tooMany(err, len(guards), len(tx.writes))
	case response.GetSucceeded():
		return flat(response), nil
	}
	if len(reads) > 0 {
		tx.run.reads, tx.run.news = reads, response
	}
	return nil, &overtaken{why: errGuard}
}

// guards hold if the transaction would read now what it has read, and nobody has been at what it writes, as far as the
// level of isolation asks for it.
//
// Guards see keys that are there. So what a range returned is guarded key by key, against changes and deletion, and the
// range as a whole against keys that came.
func (tx *Tx) guards() []compare.Compare {
	level := tx.run.isolation
	if level == ReadCommitted {
		return nil
	}
	var guards []compare.Compare
	for _, key := range slices.Sorted(maps.Keys(tx.pairs)) {
		guards = append(guards, compare.New(key).ModRevision(compare.Equal, tx.pairs[key].GetModRevision()))
	}
	for _, s := range slices.SortedFunc(maps.Keys(tx.reads), compareSpans) {
		if s.end != "" {
			r := tx.reads[s]
			guards = append(guards, r.unchangedSince(r.rev))
		}
	}
	if level == SerializableSnapshot && tx.rev > 0 {
		for _, key := range slices.Sorted(maps.Keys(tx.writes)) {
			if !tx.hasRead(key) {
				guards = append(guards, span{key: key}.unchangedSince(tx.rev))
			}
		}
	}
	return guards
}

// hasRead reports whether a key is guarded as one that was read.
func (tx *Tx) hasRead(key string) bool {
	if _, known := tx.pairs[key]; known {
		return true
	}
	for _, r := range tx.reads {
		if r.contains(key) {
			return true
		}
	}
	return false
}

// ops are the writes in the order of their keys.
func (tx *Tx) ops() []op.Op {
	ops := make([]op.Op, 0, len(tx.writes))
	for _, key := range slices.Sorted(maps.Keys(tx.writes)) {
		ops = append(ops, tx.op(key, tx.writes[key]))
	}
	return ops
}

// op is one write. A server refuses to keep the lease of a key that is not there, so it is asked first whether the key is,
// where the guards do not say so.
func (tx *Tx) op(key string, own write) op.Op {
	if own.deleted {
		return op.Delete(kv.Key(key))
	}
	put := kv.Key(key).WithValue(own.value)
	switch {
	case !own.keep:
		return op.Put(put.WithLease(own.lease))
	case tx.run.isolation == ReadCommitted || !tx.hasRead(key):
		return op.Txn(op.If(compare.Exists(key)).Then(op.Put(put.WithIgnoreLease())).Else(op.Put(put)))
	case tx.pairs[key] == nil:
		return op.Put(put)
	default:
		return op.Put(put.WithIgnoreLease())
	}
}

// flat puts the answer to a put in place of that to the transaction around it.
func flat(response *pb.TxnResponse) *pb.TxnResponse {
	for i, answer := range response.GetResponses() {
		if nested := answer.GetResponseTxn(); nested != nil {
			response.Responses[i] = nested.GetResponses()[0]
		}
	}
	return response
}

func compareSpans(a, b span) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.end, b.end), cmp.Compare(a.limit, b.limit))
}

// tooMany adds to the server's refusal of a transaction over its limit what there was too much of.
func tooMany(err error, guards, ops int) error {
	if errors.Is(err, etcderr.ErrTooManyOps) {
		return fmt.Errorf("stm: %d guards and %d operations: %w", guards, ops, err)
	}
	return err
}
