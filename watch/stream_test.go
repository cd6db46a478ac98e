// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"slices"
	"testing"
	"testing/synctest"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/watch"
)

// etcd holds the responses that it has in hand when a watch is cancelled until a watch of the same ID is created, and
// sends them first then.
func TestWhatAMemberStillHasInHandForACancelledWatchIsNotTakenForNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(t, openFake(t, m).WithKey("k").WithStartRevision(1).WithWatchID(7), watch.WithBuffer(1))
		s := m.opened()
		first := s.confirm(t, 9)
		w := pending.wait(t)
		if w.ID() != 7 {
			t.Errorf("ID %d", w.ID())
		}
		s.tell(t, first.WatchId, 1)
		s.tell(t, first.WatchId, 2, 3) // does not fit in
		if got := s.cancel(t); got != first.WatchId {
			t.Fatalf("the client cancels %d", got)
		}
		late := changes(first.WatchId, 4, 5)
		s.send(t, &pb.WatchResponse{Header: at(9), WatchId: first.WatchId, Canceled: true})
		if got := brief(read(t, w, 1)); got != "PUT k=1.0" {
			t.Errorf("got %s", got)
		}
		second := s.confirm(t, 9)
		s.send(t, late)
		if second.StartRevision != 2 {
			t.Errorf("resumed at %d", second.StartRevision)
		}
		s.tell(t, second.WatchId, 2, 3)
		if got := brief(read(t, w, 2)); got != "PUT k=2.0, PUT k=3.0" {
			t.Errorf("then %s", got)
		}
	})
}

func TestRevIsWhatTheReaderHasInFull(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*pb.WatchResponse)
		want   []int64 // after each event
	}{
		{"whole", func(*pb.WatchResponse) {}, []int64{4, 4, 5, 6}},
		{"a fragment", func(r *pb.WatchResponse) { r.Fragment = true }, []int64{4, 4, 5, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				pending := begin(t, openFake(t, m).WithKey("k").WithFragment().WithProgressNotify())
				s := m.opened()
				id := s.confirm(t, 4).WatchId
				w := pending.wait(t)
				if w.Rev() != 0 {
					t.Errorf("%d before the first", w.Rev())
				}
				s.send(t, &pb.WatchResponse{Header: at(4), WatchId: id})
				r := changes(id, 5, 5, 5, 6)
				tt.change(r)
				s.send(t, r)
				var got []int64
				for range tt.want {
					read(t, w, 1)
					got = append(got, w.Rev())
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			})
		})
	}
}
