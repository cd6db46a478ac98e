// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"errors"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// begin begins a try with what it is likely to read.
func (r *run) begin() (*Tx, error) {
	tx := &Tx{
		run: r, conflicts: r.conflicts, live: true,
		ahead: map[span]*reading{}, reads: map[span]*reading{},
		pairs: map[string]*mvccpb.KeyValue{}, writes: map[string]write{},
	}
	news := r.news
	r.news = nil
	if news == nil && len(r.reads) > 0 {
		var err error
		if news, err = kv.Txn(r.life, r.to, op.If().Then(gets(r.reads)...)); err != nil {
			return nil, ofRead(tooMany(err, 0, len(r.reads)))
		}
	}
	for i, answer := range news.GetResponses() {
		s := r.reads[i]
		tx.ahead[s] = tx.take(s, news.GetHeader(), answer.GetResponseRange())
	}
	return tx, nil
}

func gets(spans []span) []op.Op {
	ops := make([]op.Op, len(spans))
	for i, s := range spans {
		ops[i] = op.Get(s.get())
	}
	return ops
}

// pair reads a key, nil if it is missing.
func (tx *Tx) pair(key string) (*mvccpb.KeyValue, error) {
	if pair, known := tx.pairs[key]; known {
		return pair, nil
	}
	for _, r := range tx.reads {
		if r.contains(key) {
			return nil, nil // it would be among the pairs
		}
	}
	if _, err := tx.read(span{key: key}); err != nil {
		return nil, err
	}
	return tx.pairs[key], nil
}

// read reads a span once, and takes it down as read.
func (tx *Tx) read(s span) (*reading, error) {
	if r, done := tx.reads[s]; done {
		return r, nil
	}
	r, fetched := tx.ahead[s]
	if !fetched {
		var err error
		if r, err = tx.fetch(s); err != nil {
			tx.err = err
			return nil, err
		}
	}
	tx.reads[s] = r
	for _, pair := range r.pairs {
		if _, known := tx.pairs[string(pair.GetKey())]; !known {
			tx.pairs[string(pair.GetKey())] = pair
		}
	}
	if _, known := tx.pairs[s.key]; s.end == "" && !known {
		tx.pairs[s.key] = nil
	}
	return r, nil
}

// fetch asks the servers. The past is the same on every member, so whatever member has it already may answer by itself.
// The newest state is always asked of the majority.
func (tx *Tx) fetch(s span) (*reading, error) {
	get := func(c ctx.Ctx) (*pb.RangeResponse, error) { return kv.Get(tx.run.life, c) }
	c := tx.run.bind(s.get())
	var response *pb.RangeResponse
	var err error
	if tx.rev == 0 {
		response, err = get(c)
	} else if response, err = get(c.WithRev(tx.rev).WithSerializable()); errors.Is(err, etcderr.ErrFutureRev) {
		response, err = get(c.WithRev(tx.rev))
	}
	if err != nil {
		return nil, ofRead(err)
	}
	return tx.take(s, response.GetHeader(), response), nil
}

// bind sends a request where all of the run go.
func (r *run) bind(c ctx.Ctx) ctx.Ctx {
	c = c.WithConn(r.to.Conn())
	if endpoint, given := r.to.Endpoint(); given {
		c = c.WithEndpoint(endpoint)
	}
	return c
}

// take takes an answer down with the revision that it is of. The header tells the newest revision, even of a read of the
// past.
func (tx *Tx) take(s span, header *pb.ResponseHeader, response *pb.RangeResponse) *reading {
	if tx.header == nil {
		tx.header = header
		if tx.run.isolation.snapshot() {
			tx.rev = header.GetRevision()
		}
	}
	rev := tx.rev
	if rev == 0 {
		rev = header.GetRevision()
	}
	return readingOf(s, response, rev)
}
