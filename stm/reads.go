// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"errors"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/op"
)

// reads is what one try has read.
type reads struct {
	from     servers
	snapshot bool // everything is read at one revision

	err    error              // the first one
	rev    int64              // at which everything is read; 0 before the first read, and without a snapshot
	header *pb.ResponseHeader // of the first read

	ahead map[span]*reading           // fetched before fn ran, and not asked for yet
	spans map[span]*reading           // what fn has read
	pairs map[string]*mvccpb.KeyValue // each key that fn has read, alone or in a range, as it was first; nil: missing
}

func newReads(from servers, level Isolation) reads {
	return reads{
		from: from, snapshot: level.snapshot(),
		ahead: map[span]*reading{}, spans: map[span]*reading{}, pairs: map[string]*mvccpb.KeyValue{},
	}
}

// pair reads a key. The result is nil if the key is missing.
func (r *reads) pair(key string) (*mvccpb.KeyValue, error) {
	if pair, known := r.pairs[key]; known {
		return pair, nil
	}
	for _, done := range r.spans {
		if done.contains(key) {
			return nil, nil // it would be among the pairs
		}
	}
	if _, err := r.read(span{key: key}); err != nil {
		return nil, err
	}
	return r.pairs[key], nil
}

// read reads a span once, and notes it as read.
func (r *reads) read(s span) (*reading, error) {
	if done, known := r.spans[s]; known {
		return done, nil
	}
	got, fetched := r.ahead[s]
	if !fetched {
		var err error
		if got, err = r.fetch(s); err != nil {
			r.err = err
			return nil, err
		}
	}
	r.spans[s] = got
	for _, pair := range got.pairs {
		if _, known := r.pairs[string(pair.GetKey())]; !known {
			r.pairs[string(pair.GetKey())] = pair
		}
	}
	if _, known := r.pairs[s.key]; s.end == "" && !known {
		r.pairs[s.key] = nil
	}
	return got, nil
}

// fetch asks the servers. The past is the same on every member, so any member that has it may answer alone. The newest state
// needs the agreement of the majority.
func (r *reads) fetch(s span) (*reading, error) {
	c := s.get()
	var response *pb.RangeResponse
	var err error
	if r.rev == 0 {
		response, err = r.from.get(c)
	} else if response, err = r.from.get(c.WithRev(r.rev).WithSerializable()); errors.Is(err, etcderr.ErrFutureRev) {
		response, err = r.from.get(c.WithRev(r.rev))
	}
	if err != nil {
		return nil, ofRead(err)
	}
	return r.take(s, response.GetHeader(), response), nil
}

// take makes a reading of an answer. The header names the newest revision, also for a read of the past.
func (r *reads) take(s span, header *pb.ResponseHeader, response *pb.RangeResponse) *reading {
	if r.header == nil {
		r.header = header
		if r.snapshot {
			r.rev = header.GetRevision()
		}
	}
	rev := r.rev
	if rev == 0 {
		rev = header.GetRevision()
	}
	return readingOf(s, response, rev)
}

// takeAhead notes the answers to a request for spans that was sent before fn runs.
func (r *reads) takeAhead(spans []span, news *pb.TxnResponse) {
	for i, s := range spans {
		if answer, err := wire.RangeIn(news, i); err == nil { // otherwise fn reads it when it gets there
			r.ahead[s] = r.take(s, news.GetHeader(), answer)
		}
	}
}

// cover reports whether a key was read, alone or in a range.
func (r *reads) cover(key string) bool {
	if _, known := r.pairs[key]; known {
		return true
	}
	for _, done := range r.spans {
		if done.contains(key) {
			return true
		}
	}
	return false
}

// gets returns the operations that read spans.
func gets(spans []span) []op.Op {
	ops := make([]op.Op, len(spans))
	for i, s := range spans {
		ops[i] = op.Get(s.get())
	}
	return ops
}
