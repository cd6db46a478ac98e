// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"fmt"
	"iter"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// writing puts a sequence of pairs. It takes them on the goroutine of its caller, which alone uses its fields, and sends each batch on
// a goroutine of its own.
type writing struct {
	parent context.Context
	to     wire.Route
	like   *pb.PutRequest // what all puts have in common

	open     *batch              // takes pairs
	own      map[string]struct{} // the keys of the open batch
	busy     map[string]struct{} // the keys of the batches under way
	done     chan *batch
	underWay int
	pace     pace
	takes    limits
	written  Written
	account  account
}

func newWriting(parent context.Context, c Request, like *pb.PutRequest) (*writing, error) {
	to, err := wire.RouteOf(c)
	if err != nil {
		return nil, err
	}
	return &writing{
		parent: parent, to: to, like: like,
		open: new(batch), own: map[string]struct{}{}, busy: map[string]struct{}{}, done: make(chan *batch, manyWindow),
		pace: newPace(limitOf(to)), takes: limits{ops: manyOps, bytes: manyBytes},
	}, nil
}

func (w *writing) run(pairs iter.Seq2[string, string]) (*Written, error) {
	defer w.join() // also where the sequence panics
	bad := w.take(pairs)
	w.send()
	w.join()
	if err := w.account.close(bad); err != nil {
		return nil, err
	}
	w.written.Pairs = w.account.taken
	return &w.written, nil
}

// take takes pairs and sends the batches that are full. It returns an error if the sequence ends with a pair that cannot be sent.
func (w *writing) take(pairs iter.Seq2[string, string]) error {
	for key, value := range pairs {
		w.account.taken++
		if err := w.parent.Err(); err != nil {
			w.account.fail(w.open.at, fmt.Errorf("kv: the put of many pairs: %w", tell.Ended(w.parent)))
		}
		if key == "" {
			return render.AlsoInvalid(nil, fmt.Sprintf("kv: pair %d of a put of many pairs has an empty key", w.account.taken-1))
		}
		p := render.Pair{Key: key, Value: value}
		if _, twice := w.own[key]; twice || !w.within().room(w.open, p) {
			w.send()
		}
		for len(w.done) > 0 { // an early end for a slow sequence
			w.collect()
		}
		if w.account.err != nil {
			break
		}
		w.open.add(p)
		w.own[key] = struct{}{}
	}
	return nil
}

// within returns the limits of the open batch.
func (w *writing) within() limits {
	return limits{ops: w.takes.ops, bytes: min(w.takes.bytes, w.pace.bytes)}
}

// send sends the open batch as soon as it may be under way, and opens the next one. After a failure it does nothing.
func (w *writing) send() {
	if len(w.open.pairs) == 0 {
		return
	}
	for w.account.err == nil && w.underWay > 0 && (w.underWay >= w.pace.window || w.collides()) {
		w.collect()
	}
	if w.account.err != nil {
		return
	}
	b := w.open
	b.takes = w.takes
	for _, p := range b.pairs {
		w.busy[p.Key] = struct{}{}
	}
	w.underWay++
	go func() {
		b.put(w.parent, w.to, w.like)
		w.done <- b
	}()
	w.open = &batch{at: b.at + len(b.pairs), pairs: make([]render.Pair, 0, len(b.pairs))}
	clear(w.own)
}

// collides reports whether the open batch has a key that is under way. Two transactions under way have no order.
func (w *writing) collides() bool {
	for _, p := range w.open.pairs {
		if _, found := w.busy[p.Key]; found {
			return true
		}
	}
	return false
}

// join waits for the batches under way. Each ends by its time limit.
func (w *writing) join() {
	for w.underWay > 0 {
		w.collect()
	}
}

// collect waits for a batch, and notes what became of it.
func (w *writing) collect() {
	b := <-w.done
	w.underWay--
	for _, p := range b.pairs {
		delete(w.busy, p.Key)
	}
	w.takes = w.takes.least(b.takes)
	w.pace.learn(b.took)
	w.written.Revisions += b.revisions
	w.written.Rev = max(w.written.Rev, b.rev)
	w.account.note(b)
}
