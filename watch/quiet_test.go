// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// A server that chooses IDs has a quiet watch of "k" from revision 5 on. At revision 7 the key "m" has changed.
func TestPositionOfAQuietWatchMovesAsFarAsIsProven(t *testing.T) {
	event := func(key string, rev int64) *mvccpb.Event {
		return &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: rev}}
	}
	events := func(all ...*mvccpb.Event) *pb.WatchResponse {
		return &pb.WatchResponse{Header: at(9), WatchId: 2, Events: all}
	}
	for _, tt := range []struct {
		name   string
		filter bool // the watch leaves out puts
		denied bool // the user may not watch more than from "k" to "m"
		answer []*pb.WatchResponse
		want   int64 // the revision to go on from
	}{
		{"others change", false, false, []*pb.WatchResponse{events(event("l", 6), event("m", 7))}, 8},
		{"in two responses", false, false, []*pb.WatchResponse{events(event("l", 6)), events(event("m", 7))}, 8},
		{"the range of the probe is not widened", false, true, []*pb.WatchResponse{events(event("m", 7))}, 8},
		{"an event is on its way", false, false, []*pb.WatchResponse{events(event("k", 6), event("m", 7))}, 6},
		{"an event of the first revision is on its way", false, false, []*pb.WatchResponse{events(event("k", 5), event("m", 7))}, 5},
		{"an event that the watch leaves out", true, false, []*pb.WatchResponse{events(event("k", 6), event("m", 7))}, 8},
		{"the probe is told nothing", false, false, nil, 5},
		{"the history is gone", false, false, []*pb.WatchResponse{{Header: at(9), WatchId: 2, Canceled: true, CompactRevision: 8}}, 5},
		{"the server ends the probe", false, false, []*pb.WatchResponse{{Header: at(9), WatchId: 2, Canceled: true, CancelReason: "no"}}, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				m.read = func(r *pb.RangeRequest) *pb.RangeResponse {
					answer := &pb.RangeResponse{Header: at(9)}
					if key := "m"; key >= string(r.Key) && (r.RangeEnd == nil || key < string(r.RangeEnd) || r.RangeEnd[0] == 0) {
						answer.Kvs = []*mvccpb.KeyValue{{Key: []byte(key), ModRevision: 7}}
					}
					return answer
				}
				c := openFake(t, m).WithKey("k")
				if tt.filter {
					c = c.WithFilterPut()
				}
				pending := begin(c)
				s := m.opened()
				s.reveal(t, 4)
				s.choose(t, 1, 4)
				pending.wait(t)

				r := s.create(t)
				if string(r.Key) >= "k" || string(r.RangeEnd) <= "m" || string(r.RangeEnd) > "m\xff" || r.StartRevision != 5 {
					t.Errorf("the probe is %v", r)
				}
				if tt.denied {
					s.send(t, &pb.WatchResponse{Header: at(9), WatchId: -1, Created: true, Canceled: true, CancelReason: "etcdserver: permission denied"})
					if r = s.create(t); string(r.Key) != "k" {
						t.Errorf("the second probe is %v", r)
					}
				}
				s.send(t, &pb.WatchResponse{Header: at(9), WatchId: 2, Created: true})
				over := false
				for _, answer := range tt.answer {
					over = answer.Canceled
					s.send(t, answer)
				}
				if !over {
					if id := s.cancel(t); id != 2 {
						t.Errorf("cancelled %d", id)
					}
				}
				s.end(errGoingDown)
				s = m.opened()
				s.reveal(t, 9)
				if r := s.choose(t, 1, 9); r.StartRevision != tt.want {
					t.Errorf("goes on at %d, want %d", r.StartRevision, tt.want)
				}
			})
		})
	}
}

func TestPositionStaysWhereNoNeighbourProvesProgress(t *testing.T) {
	for name, read := range map[string]func(*pb.RangeRequest) *pb.RangeResponse{
		"the store stands still": func(*pb.RangeRequest) *pb.RangeResponse { return &pb.RangeResponse{Header: at(4)} },
		"no key near it has changed": func(*pb.RangeRequest) *pb.RangeResponse {
			return &pb.RangeResponse{Header: at(9), Kvs: []*mvccpb.KeyValue{{Key: []byte("m"), ModRevision: 4}}}
		},
		"no reads": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				m.read = read
				pending := begin(openFake(t, m).WithKey("k"))
				s := m.opened()
				s.reveal(t, 4)
				s.choose(t, 1, 4)
				pending.wait(t)
				time.Sleep(5 * time.Minute)
				if n := len(s.requests); n != 0 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// The history cannot come back, so there is one probe only.
func TestPositionIsNotProvenAgainAfterACompaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.read = func(r *pb.RangeRequest) *pb.RangeResponse {
			return &pb.RangeResponse{Header: at(9), Kvs: []*mvccpb.KeyValue{{Key: []byte("m"), ModRevision: 7}}}
		}
		pending := begin(openFake(t, m).WithKey("k"))
		s := m.opened()
		s.reveal(t, 4)
		s.choose(t, 1, 4)
		pending.wait(t)
		s.choose(t, 2, 9)
		s.send(t, &pb.WatchResponse{Header: at(9), WatchId: 2, Canceled: true, CompactRevision: 8})
		s.cancel(t)
		time.Sleep(time.Minute)
		if n := len(s.requests); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// A progress response that comes too early proves nothing.
func TestPositionOfAQuietWatchOnAnOldMemberMovesByProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.Version = "3.4.13"
		m.read = func(r *pb.RangeRequest) *pb.RangeResponse {
			return &pb.RangeResponse{Header: at(9), Kvs: []*mvccpb.KeyValue{{Key: []byte("m"), ModRevision: 7}}}
		}
		pending := begin(openFake(t, m).WithKey("k"))
		s := m.opened()
		s.confirm(t, 4)
		w := pending.wait(t)
		s.confirm(t, 9)
		s.cancel(t)
		r := s.confirm(t, 9) // a lossy member is asked for one revision more
		s.send(t, &pb.WatchResponse{Header: at(9), WatchId: r.WatchId, Events: []*mvccpb.Event{{Kv: &mvccpb.KeyValue{Key: []byte("m"), ModRevision: 7}}}})
		s.cancel(t)
		if rev, _ := resumedAt(t, m, s, w, 9); rev != 8 {
			t.Errorf("goes on at %d, want 8", rev)
		}
	})
}
