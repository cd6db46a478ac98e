// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// pairOverhead is more than the bytes of a put in a transaction besides its key and its value.
const pairOverhead = 48

// limits are what a server takes in a transaction.
type limits struct{ ops, bytes int }

// room reports whether a batch has room for a pair. An empty one has room for any.
func (l limits) room(b *batch, p render.Pair) bool {
	return len(b.pairs) == 0 || len(b.pairs) < l.ops && b.bytes+sizeOf(p) <= l.bytes
}

func (l limits) least(other limits) limits {
	return limits{min(l.ops, other.ops), min(l.bytes, other.bytes)}
}

func sizeOf(p render.Pair) int { return len(p.Key) + len(p.Value) + pairOverhead }

// batch is a part of a sequence of pairs, in which no key comes twice. It is one transaction if the server takes it, and otherwise
// several ones, one after the other.
type batch struct {
	at    int // place of the first pair in the sequence
	pairs []render.Pair
	bytes int

	takes     limits        // what the server takes, as far as this batch knows
	written   int           // pairs that are written, from the first one on
	maybe     int           // pairs after these that may be written
	revisions int           // that it made
	rev       int64         // the newest of them
	took      time.Duration // the slowest transaction
	err       error         // why not all of it is written
}

func (b *batch) add(p render.Pair) {
	b.pairs = append(b.pairs, p)
	b.bytes += sizeOf(p)
}

// put writes the batch.
func (b *batch) put(parent context.Context, to wire.Route, like *pb.PutRequest) {
	for b.written < len(b.pairs) {
		n, bytes := b.next()
		began := time.Now()
		header, err := write(parent, to, like, b.pairs[b.written:b.written+n])
		b.took = max(b.took, time.Since(began))
		switch {
		case err == nil:
			b.written += n
			b.revisions++
			b.rev = max(b.rev, header.GetRevision())
		case n > 1 && b.smaller(err, n, bytes):
		default:
			if b.err = err; etcderr.OutcomeOf(err) == etcderr.Unknown {
				b.maybe = n
			}
			return
		}
	}
}

// next returns how many pairs the next transaction has, and their bytes.
func (b *batch) next() (n, bytes int) {
	for _, p := range b.pairs[b.written:] {
		if n > 0 && (n >= b.takes.ops || bytes+sizeOf(p) > b.takes.bytes) {
			break
		}
		n, bytes = n+1, bytes+sizeOf(p)
	}
	return n, bytes
}

// smaller lowers the limits if the server has refused a transaction because it has too many pairs or bytes, or more than one pair.
// Then none of them is written.
func (b *batch) smaller(err error, n, bytes int) bool {
	var e *etcderr.Error
	if !errors.As(err, &e) || e.Outcome() == etcderr.Unknown {
		return false
	}
	switch {
	case errors.Is(err, etcderr.ErrTooManyOps):
		b.takes.ops = n / 2
	case unsupported(err):
		b.takes.ops = 1
	case errors.Is(err, etcderr.ErrRequestTooLarge), e.NotSent() && e.Code() == codes.ResourceExhausted: // this side has a limit too
		b.takes.bytes = bytes / 2
	default:
		return false
	}
	return true
}

// write writes pairs with one request. A single pair needs no transaction, so it may be as large as a server takes.
func write(parent context.Context, to wire.Route, like *pb.PutRequest, pairs []render.Pair) (*pb.ResponseHeader, error) {
	if len(pairs) == 1 {
		one, err := wire.KV.Put.Over(parent, to, &pb.PutRequest{
			Key: []byte(pairs[0].Key), Value: []byte(pairs[0].Value), Lease: like.GetLease(),
		})
		return one.GetHeader(), err
	}
	all, err := wire.KV.Txn.Over(parent, to, render.Puts(like, pairs))
	return all.GetHeader(), err
}
