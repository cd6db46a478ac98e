// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// lookup reads many keys. The first request goes alone, because its answer names the revision for all others.
type lookup struct {
	parent context.Context
	to     wire.Route
	keys   []string           // each one once
	found  []*mvccpb.KeyValue // the pair of each key; nil if there is none, or it is not read yet
	pace   pace
	known  known
}

// known is what the answers so far have taught. Each request under way has a copy.
type known struct {
	like    *pb.RangeRequest // how each key is read; never changed, only replaced
	cluster uint64           // 0 while no answer has named it; a proxy may leave it out
	began   bool             // the revision of like is one that a server has
	most    int              // keys that a server takes in a transaction
	size    int              // bytes of the answer for a key; 0 while unknown
}

func newLookup(parent context.Context, c Request, like *pb.RangeRequest, keys []string) (*lookup, error) {
	to, err := wire.RouteOf(c)
	if err != nil {
		return nil, err
	}
	l := &lookup{parent: parent, to: to, pace: newPace(limitOf(to)), known: known{like: like, most: manyOps}}
	l.keys = make([]string, 0, len(keys))
	seen := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		if _, twice := seen[key]; !twice {
			seen[key] = struct{}{}
			l.keys = append(l.keys, key)
		}
	}
	l.found = make([]*mvccpb.KeyValue, len(l.keys))
	return l, nil
}

// limitOf returns the time limit of a request.
func limitOf(to wire.Route) time.Duration {
	if to.Timeout > 0 {
		return to.Timeout
	}
	return to.Conn.DefaultTimeout()
}

func (l *lookup) many() *Many {
	m := &Many{rev: l.known.like.GetRevision(), pairs: make(map[string]*mvccpb.KeyValue, len(l.keys))}
	for i, pair := range l.found {
		if pair != nil {
			m.pairs[l.keys[i]] = pair
		}
	}
	return m
}

// part is what one goroutine reads.
type part struct {
	from, to int
	bytes    int // that a request is to bring
	known    known
	took     time.Duration // its slowest request
	err      error
}

// all reads all keys. After an error it cancels what is under way.
func (l *lookup) all() error {
	if len(l.keys) == 0 {
		return nil
	}
	next := min(len(l.keys), manyOps)
	err := l.learn(l.read(l.parent, part{to: next, bytes: l.pace.bytes, known: l.known}))
	if err != nil || next == len(l.keys) {
		return err
	}
	life, cancel := context.WithCancel(l.parent)
	defer cancel()
	done := make(chan part, manyWindow)
	for underWay := 0; underWay > 0 || err == nil && next < len(l.keys); {
		if err != nil || next == len(l.keys) || underWay >= l.pace.window {
			p := <-done
			underWay--
			if failed := l.learn(p); failed != nil && err == nil {
				err = failed
				cancel()
			}
			continue
		}
		p := part{from: next, to: min(len(l.keys), next+l.known.keys(l.pace.bytes)), bytes: l.pace.bytes, known: l.known}
		next = p.to
		underWay++
		go func() { done <- l.read(life, p) }()
	}
	return err
}

// learn takes what a part has taught, and returns its error.
func (l *lookup) learn(p part) error {
	if p.err != nil {
		return p.err
	}
	l.pace.learn(p.took)
	most := min(l.known.most, p.known.most)
	if l.known.began && p.known.like.GetSerializable() { // another part may have found that a member is behind
		p.known.like = l.known.like
	}
	if l.known.cluster != 0 {
		p.known.cluster = l.known.cluster
	}
	l.known = p.known
	l.known.most = most
	return nil
}

// read reads the keys of a part, with one request if the server agrees.
func (l *lookup) read(parent context.Context, p part) part {
	for p.from < p.to && p.err == nil {
		n := min(p.to-p.from, p.known.keys(p.bytes))
		began := time.Now()
		answers, err := l.ask(parent, p.known.like, l.keys[p.from:p.from+n])
		if err != nil {
			p.err = p.known.refused(err, n)
			continue
		}
		p.took = max(p.took, time.Since(began))
		if p.err = p.known.answered(answers, n, l.found[p.from:]); p.err == nil {
			p.from += n
		}
	}
	return p
}

// keys returns how many keys the next request has, so that the answer has about so many bytes.
func (k *known) keys(bytes int) int {
	if k.size == 0 {
		return k.most
	}
	return max(1, min(k.most, bytes/k.size))
}

// ask reads keys with one request. A single key needs no transaction, and may be as large as this side receives.
func (l *lookup) ask(parent context.Context, like *pb.RangeRequest, keys []string) (*pb.TxnResponse, error) {
	if len(keys) == 1 {
		request := proto.CloneOf(like)
		request.Key = []byte(keys[0])
		one, err := wire.KV.Range.Over(parent, l.to, request)
		if err != nil {
			return nil, err
		}
		return &pb.TxnResponse{Header: one.GetHeader(), Responses: []*pb.ResponseOp{
			{Response: &pb.ResponseOp_ResponseRange{ResponseRange: one}},
		}}, nil
	}
	return wire.KV.Txn.Reading(parent, l.to, render.Gets(like, keys), grpc.MaxCallRecvMsgSize(pageMax))
}

var errNoRevision = errors.New("kv: the server names no revision")

// answered takes the answer for n keys. Only its outer header counts: those of the ranges in it name no cluster.
func (k *known) answered(answer *pb.TxnResponse, n int, found []*mvccpb.KeyValue) error {
	if len(answer.GetResponses()) != n {
		return fmt.Errorf("kv: the server answers %d of %d reads", len(answer.GetResponses()), n)
	}
	switch id := answer.GetHeader().GetClusterId(); {
	case k.cluster == 0:
		k.cluster = id
	case id != 0 && id != k.cluster:
		return errOtherStore
	}
	if k.like.GetRevision() == 0 {
		if answer.GetHeader().GetRevision() <= 0 {
			return errNoRevision
		}
		k.like = proto.CloneOf(k.like)
		k.like.Revision = answer.GetHeader().GetRevision()
	}
	k.began = true
	k.size = max(1, proto.Size(answer)/n, k.size/2) // large values may follow small ones
	for i, one := range answer.GetResponses() {
		if pairs := one.GetResponseRange().GetKvs(); len(pairs) > 0 {
			found[i] = pairs[0]
		}
	}
	return nil
}

// refused prepares another attempt after a request for n keys was refused, or returns the error to fail with.
func (k *known) refused(err error, n int) error {
	behind := k.began && errors.Is(err, etcderr.ErrFutureRev)
	switch {
	case n > 1 && errors.Is(err, etcderr.ErrTooManyOps):
		k.most = n / 2
	case n > 1 && unsupported(err):
		k.most = 1
	case n > 1 && tooLarge(err):
		k.size = pageMax / n // at least
	case behind && k.like.GetSerializable(): // this member is. Then the majority has to agree
		k.like = proto.CloneOf(k.like)
		k.like.Serializable = false
	case behind:
		return fmt.Errorf("kv: the store has gone back to before revision %d, at which the first keys were read: %w",
			k.like.GetRevision(), err)
	default:
		return err
	}
	return nil
}

// unsupported reports whether the server lacks such transactions. Kine has them in three forms only, and this answer for all others.
func unsupported(err error) bool {
	var e *etcderr.Error
	return errors.As(err, &e) && e.Outcome() == etcderr.Rejected &&
		(e.Code() == codes.Unimplemented || e.Message() == "etcdserver: unsupported operations in txn request")
}
