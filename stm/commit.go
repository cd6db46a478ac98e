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
	"github.com/eetcd-go/eetcd/op"
)

// commit writes if the guards hold, and returns an overtaken if they do not. The try has ended, so nothing of it changes any
// more.
//
// What was read at one revision was true together at that revision, whatever happened since. So a transaction that only reads at
// one revision has nothing left to prove. One that has read several revisions has.
func commit(tx *Tx, level Isolation) (*pb.TxnResponse, error) {
	r := &tx.reads
	guards := guardsOf(tx, level)
	if len(tx.writes) == 0 && (len(guards) == 0 || level.snapshot()) {
		header := r.header
		if header == nil {
			header = &pb.ResponseHeader{}
		}
		return &pb.TxnResponse{Header: header, Succeeded: true}, nil
	}
	var again []span
	if len(guards) > 0 {
		// To read again instead of writing saves the next try a request. It also makes servers judge a transaction without
		// writes with the agreement of the majority: a member answers one without any operation from its own state.
		again = slices.SortedFunc(maps.Keys(r.spans), compareSpans)
	}
	writes := tx.writes.ops(r, level != ReadCommitted)
	response, err := r.from.txn(op.If(guards...).Then(writes...).Else(gets(again)...))
	switch {
	case err != nil && len(tx.writes) == 0:
		return nil, ofRead(tooMany(err, len(guards), len(again)))
	case err != nil:
		return nil, tooMany(err, len(guards), len(tx.writes))
	case response.GetSucceeded():
		return flat(response), nil
	}
	return nil, &overtaken{why: errGuard, likely: again, news: response}
}

// guardsOf returns guards that hold if the transaction would read now what it has read, and nobody has changed what it writes,
// as far as the level of isolation requires it.
//
// Guards see only keys that exist. So each key that a range returned is guarded against changes and deletion, and the range as a
// whole against new keys.
func guardsOf(tx *Tx, level Isolation) []compare.Compare {
	if level == ReadCommitted {
		return nil
	}
	r := &tx.reads
	var guards []compare.Compare
	for _, key := range slices.Sorted(maps.Keys(r.pairs)) {
		guards = append(guards, compare.New(key).ModRevision(compare.Equal, r.pairs[key].GetModRevision()))
	}
	for _, s := range slices.SortedFunc(maps.Keys(r.spans), compareSpans) {
		if s.end != "" {
			read := r.spans[s]
			guards = append(guards, read.unchangedSince(read.rev))
		}
	}
	if level == SerializableSnapshot && r.rev > 0 {
		for _, key := range slices.Sorted(maps.Keys(tx.writes)) {
			if !r.cover(key) {
				guards = append(guards, span{key: key}.unchangedSince(r.rev))
			}
		}
	}
	return guards
}

// flat replaces the answer to a nested transaction with the answer to the put in it.
func flat(response *pb.TxnResponse) *pb.TxnResponse {
	for i, answer := range response.GetResponses() {
		if nested := answer.GetResponseTxn().GetResponses(); len(nested) > 0 {
			response.Responses[i] = nested[0]
		}
	}
	return response
}

func compareSpans(a, b span) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.end, b.end), cmp.Compare(a.limit, b.limit))
}

// tooMany adds to the server's refusal of a transaction over its limit how many guards and operations it had.
func tooMany(err error, guards, ops int) error {
	if errors.Is(err, etcderr.ErrTooManyOps) {
		return fmt.Errorf("stm: %d guards and %d operations: %w", guards, ops, err)
	}
	return err
}
