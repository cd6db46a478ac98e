// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/wire/past"
)

// TestPositionNeitherMissesNorRepeats plays a member that sends a history in responses of any size, whole or in
// fragments, on streams that break anywhere, with progress in between.
func TestPositionNeitherMissesNorRepeats(t *testing.T) {
	for _, version := range []string{"3.5.33", "3.5.15"} { // the second one is lossy
		for _, inParts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, fragments handed on %v", version, inParts), func(t *testing.T) {
				for seed := range uint64(3000) {
					pick := rand.New(rand.NewPCG(seed, 1))
					h := newHistory(pick)
					if got := h.watch(pick, version, inParts); !slices.Equal(got, h.names(1)) {
						t.Fatalf("seed %d: got %v, want %v", seed, got, h.names(1))
					}
				}
			})
		}
	}
}

// history holds the events of revisions 1 and up; a revision has one or more, or none for this watch.
type history [][]*mvccpb.Event

func newHistory(pick *rand.Rand) history {
	h := make(history, 1+pick.IntN(12))
	for i := range h {
		for sub := range pick.IntN(4) {
			h[i] = append(h[i], &mvccpb.Event{Kv: &mvccpb.KeyValue{
				Key: fmt.Appendf(nil, "%d.%d", i+1, sub), ModRevision: int64(i) + 1,
			}})
		}
	}
	return h
}

func (h history) names(from int64) []string {
	var all []string
	for _, events := range h[from-1:] {
		for _, e := range events {
			all = append(all, string(e.Kv.Key))
		}
	}
	return all
}

// watch follows the history to its end, and returns the events that reached the reader.
func (h history) watch(pick *rand.Rand, version string, inParts bool) []string {
	w := &newWatcher(nil, &pb.WatchCreateRequest{Key: []byte("k"), StartRevision: 1, Fragment: inParts}, 1<<30).feed
	s := newShared(nil, nil, &past.Past{}, new(atomic.Bool), place{})
	s.watches[w] = struct{}{}
	w.stream = s
	var got []string
	for breaks := 0; w.at.next <= int64(len(h)); breaks++ {
		s.start("", version, 0, 0)
		rev := int64(len(h)) // of the member, which may be behind
		if breaks < 5 {
			rev = pick.Int64N(rev + 1)
		}
		var r *pb.WatchCreateRequest
		for w.at.stage != live { // a lossy server is asked twice
			if r = (session{s}).nextRequest().GetCreateRequest(); r != nil {
				receive(s, &pb.WatchResponse{WatchId: r.WatchId, Header: &pb.ResponseHeader{Revision: rev}, Created: true})
			}
		}
		for _, r := range h.responses(pick, r, rev) {
			if breaks < 5 && pick.IntN(4) == 0 {
				break
			}
			receive(s, r)
		}
		for w.buffer.bytes > 0 {
			r, _ := w.buffer.pop()
			for _, e := range r.Events {
				got = append(got, string(e.Kv.Key))
			}
		}
	}
	return got
}

// responses are the rest of the history, as a member at revision rev may send it.
func (h history) responses(pick *rand.Rand, request *pb.WatchCreateRequest, rev int64) []*pb.WatchResponse {
	header := func(rev int64) *pb.ResponseHeader { return &pb.ResponseHeader{Revision: rev} }
	var all []*pb.WatchResponse
	for from := request.StartRevision; from <= rev; {
		to := from + pick.Int64N(rev-from+1)
		var events []*mvccpb.Event
		for _, revision := range h[from-1 : to] {
			events = append(events, revision...)
		}
		for len(events) > 0 {
			n := 1 + pick.IntN(len(events))
			all = append(all, &pb.WatchResponse{
				WatchId: request.WatchId, Header: header(rev), Events: slices.Clone(events[:n]), Fragment: n < len(events),
			})
			events = events[n:]
		}
		if pick.IntN(3) == 0 {
			all = append(all, &pb.WatchResponse{WatchId: everyWatch, Header: header(to)})
		}
		from = to + 1
	}
	if request.StartRevision <= rev {
		all = append(all, &pb.WatchResponse{WatchId: everyWatch, Header: header(rev)})
	}
	return all
}

func receive(s *shared, r *pb.WatchResponse) {
	if err := (receiver{s}).receive(r); err != nil {
		panic(err)
	}
}

// TestWatchFromNowOnKnowsNothingBeforeItsFirstProgress has a server that does not say at which revision it creates a watch, as kine.
func TestWatchFromNowOnKnowsNothingBeforeItsFirstProgress(t *testing.T) {
	var p position
	p.begin(&pb.WatchCreateRequest{Key: []byte("k")})
	p.confirmed(1, 0)
	p.reached(0) // the answer to a progress request where nothing has been written
	if p.next != 0 {
		t.Errorf("a revision of 0 moves the watch to %d", p.next)
	}
	p.reached(50)
	p.doubtful = true // the stream was opened again
	if got := p.start(0, 0); got != 51 {
		t.Errorf("the watch begins again at %d and takes what it never had for another history, want 51", got)
	}
}
