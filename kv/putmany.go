// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"iter"

	"github.com/eetcd-go/eetcd/internal/render"
)

// PutMany writes any number of pairs, many to a transaction. It is several times faster than a [Put] for each pair.
//
//	written, err := kv.PutMany(ctx, kv.New("registry"), maps.All(map[string]string{"config/level": "info", "config/limit": "10"}))
//	if partial := new(kv.PartialError); errors.As(err, &partial) {
//		fmt.Printf("the first %d pairs are written: %v\n", partial.Written, partial.Err)
//	}
//
// It takes WithLease, for all pairs. The pairs have the keys, so WithKey and WithValue are refused.
//
// Each transaction is atomic, and the whole is not: readers may see some pairs before others. Pairs of one key are written in their
// order, each at a revision of its own, so a key that comes again begins a new transaction. A transaction has up to 128 pairs and about
// 1 MiB, and fewer where the server takes less. A pair that is too large by itself fails with etcderr.ErrRequestTooLarge. Up to 8
// transactions are under way at a time. A server that refuses these transactions, as kine does, gets each pair by itself.
//
// If anything fails, PutMany sends nothing more, waits for the transactions under way, and returns a [*PartialError], which tells
// what is written. A request that is invalid, or a connection that is not open, is reported before the first pair is taken. An empty
// key ends the sequence with [ErrInvalid] in the PartialError, after the pairs before it. A write whose outcome is unknown is
// never sent again.
//
// The sequence runs on the caller's goroutine. If it panics, the panic passes after the transactions under way have ended; the pairs
// that were not sent are lost. PutMany sends a transaction when it is full or the sequence has ended, and keeps no more pairs
// in memory than those of 9 transactions. So the sequence may be of any length.
//
// The end of the context stops PutMany at the next pair. WithTimeout limits each transaction. Without either, the limit of a
// transaction is 5 s (conn.WithDefaultTimeout). PutMany is safe for concurrent use. It calls KV/Txn, and KV/Put for a pair that is
// alone in its transaction.
func PutMany(parent context.Context, c Request, pairs iter.Seq2[string, string]) (*Written, error) {
	like, err := render.PutMany(c)
	if pairs == nil {
		err = render.AlsoInvalid(err, "kv: there are no pairs to put: the sequence is nil")
	}
	if parent == nil {
		err = render.AlsoInvalid(err, errNilParent)
	}
	if err != nil {
		return nil, err
	}
	w, err := newWriting(parent, c, like)
	if err != nil {
		return nil, err
	}
	return w.run(pairs)
}
