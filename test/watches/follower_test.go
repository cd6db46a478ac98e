// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/watch"
)

// follower reads a watch and records its events.
type follower struct {
	name    string
	in      extent
	from    int64 // start revision; 0: from now on
	before  bool  // with the values before
	parts   bool  // with large responses in parts
	options []watch.Option
	reader  reader

	w      *watch.Watcher
	member atomic.Uint64 // that the last response came from
	end    atomic.Int64  // revision to stop after, once it is known
	done   chan struct{}

	// The fields below belong to the goroutine that reads, until done.
	got       []change
	faults    []string
	fragments int
	largest   int // response, in bytes
	moves     int // from one member to another
	previous  *pb.WatchResponse
}

// reader is one of the ways to read a watch.
type reader func(w *watch.Watcher) iter.Seq2[*pb.WatchResponse, error]

func byResponses(w *watch.Watcher) iter.Seq2[*pb.WatchResponse, error] { return w.Responses() }

// byChan reads the channel.
func byChan(w *watch.Watcher) iter.Seq2[*pb.WatchResponse, error] {
	return func(yield func(*pb.WatchResponse, error) bool) {
		for r := range w.Chan() {
			if !yield(r, nil) {
				return
			}
		}
		if err := w.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// byTurns leaves each loop after a few turns.
func byTurns(w *watch.Watcher) iter.Seq2[*pb.WatchResponse, error] {
	return func(yield func(*pb.WatchResponse, error) bool) {
		for ended := false; !ended; {
			ended = true
			n := 0
			for r, err := range w.Responses() {
				if !yield(r, err) {
					return
				}
				if n++; n == 3 {
					ended = false
					break
				}
			}
		}
	}
}

// start opens the watch and reads it to the end.
func (f *follower) start(t *testing.T, c ctx.Ctx) {
	t.Helper()
	c = c.WithKey(f.in.key).WithStartRevision(f.from)
	if f.in.prefix {
		c = c.WithPrefix()
	}
	if f.before {
		c = c.WithPrevKV()
	}
	if f.parts {
		c = c.WithFragment()
	}
	w, err := watch.Watch(context.WithoutCancel(t.Context()), c, f.options...)
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	t.Cleanup(func() { _ = w.Close() })
	f.w, f.done = w, make(chan struct{})
	go func() {
		defer close(f.done)
		for r, err := range f.reader(w) {
			if err != nil {
				f.fault("ended with %v", err)
				return
			}
			f.take(r)
			if end := f.end.Load(); end != 0 && len(f.got) > 0 && f.got[len(f.got)-1].now.mod >= end && !r.Fragment {
				return
			}
		}
		f.fault("ended without a reason")
	}()
}

func (f *follower) fault(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// take checks what must be true for every response, and records its events.
func (f *follower) take(r *pb.WatchResponse) {
	if r.WatchId != f.w.ID() {
		f.fault("a response of the watch %d", r.WatchId)
	}
	if before := f.member.Swap(r.Header.MemberId); before != r.Header.MemberId && before != 0 {
		f.moves++
	}
	if len(r.Events) == 0 {
		f.fault("a response without events: %v", r)
		return
	}
	if r.Fragment {
		f.fragments++
		if !f.parts {
			f.fault("a fragment")
		}
	}
	first := r.Events[0].Kv.ModRevision
	if p := f.previous; p != nil {
		before := p.Events[len(p.Events)-1].Kv.ModRevision
		// A fragment may end inside a revision, which then continues.
		if first < before || first == before && !p.Fragment {
			f.fault("a response from revision %d follows one up to %d", first, before)
		}
	}
	f.previous = r
	f.largest = max(f.largest, proto.Size(r))
	for _, e := range r.Events {
		f.got = append(f.got, changeOf(e))
	}
}

// needs is the first revision that the watch may still ask a member for.
func (f *follower) needs() int64 { return max(f.w.Rev()+1, f.from) }
