// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/watch"
)

// compacted ends a watch as a member does whose history begins at rev.
func (s *serverStream) compacted(t *testing.T, id, rev int64) {
	t.Helper()
	s.send(t, &pb.WatchResponse{Header: at(9), WatchId: id, Canceled: true, CompactRevision: rev})
	s.cancel(t)
}

// TestQuietWatchOfAStoreThatWentBackAndOvertookItEnds has no event that could be compared: the new history has events before the
// position.
func TestQuietWatchOfAStoreThatWentBackAndOvertookItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.Version = "3.7.3"
		c := openFake(t, m)
		pending := begin(c.WithKey("k").WithStartRevision(5))
		s := m.opened()
		s.confirm(t, 4)
		w := pending.wait(t)
		time.Sleep(progressInterval)
		s.progress(t, 8)
		s.end(errGoingDown)
		s = m.opened()
		r := s.confirm(t, 20)
		if r.StartRevision != 5 {
			t.Fatalf("it asks for the history from %d on, want 5", r.StartRevision)
		}
		s.tell(t, r.WatchId, 6, 12)
		var rewound *watch.RewoundError
		if <-w.Done(); !errors.As(w.Err(), &rewound) {
			t.Errorf("got %v", w.Err())
		}
		for e, err := range w.Events() {
			if err == nil {
				t.Errorf("it tells the event at %d", e.Kv.ModRevision)
			}
		}
	})
}

func TestWatchAsksForAThousandKnownRevisionsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.Version = "3.7.3"
		pending := begin(openFake(t, m).WithKey("k").WithStartRevision(5))
		s := m.opened()
		s.confirm(t, 4)
		pending.wait(t)
		time.Sleep(progressInterval)
		s.progress(t, 5000)
		s.end(errGoingDown)
		s = m.opened()
		if r := s.confirm(t, 5000); r.StartRevision != 4001 {
			t.Errorf("it asks for the history from %d on, want 4001", r.StartRevision)
		}
	})
}

func TestCompactionOfKnownHistoryEndsNoWatch(t *testing.T) {
	for version, earliest := range map[string]int64{"3.7.3": 9, "3.5.16": 9, "3.4.34": 9, "3.5.15": 8, "3.4.33": 8, "3.4.13": 8} {
		t.Run(version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				m.Version = version
				pending := begin(openFake(t, m).WithKey("k").WithStartRevision(5))
				s := m.opened()
				s.confirm(t, 4)
				w := pending.wait(t)
				s.send(t, &pb.WatchResponse{Header: at(8), WatchId: 1}) // its own progress
				s.end(errGoingDown)
				s = m.opened()
				s.compacted(t, s.confirm(t, 20).WatchId, 7)
				r := s.confirm(t, 20)
				if r.StartRevision != 7 {
					t.Errorf("after a compaction at 7 it asks for the history from %d on", r.StartRevision)
				}
				s.compacted(t, r.WatchId, earliest)
				r = s.confirm(t, 20)
				if r.StartRevision != earliest {
					t.Errorf("after a compaction at %d it asks for the history from %d on", earliest, r.StartRevision)
				}
				s.tell(t, r.WatchId, 9, 10)
				if got := brief(read(t, w, 2)); got != "PUT k=9.0, PUT k=10.0" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}

// TestOldMemberIsAskedForARevisionThatIsKnown plays a member that loses the deletions at the revision of a compaction.
func TestOldMemberIsAskedForARevisionThatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.Version = "3.4.33"
		c := openFake(t, m)
		pending := begin(c.WithKey("k").WithStartRevision(5))
		s := m.opened()
		known := s.confirm(t, 8) // the watch may lack deletions at 5
		if id := s.cancel(t); id != known.WatchId {
			t.Errorf("it cancels watch %d, want %d", id, known.WatchId)
		}
		r := s.confirm(t, 8)
		w := pending.wait(t)
		if known.StartRevision != 5 || r.StartRevision != 4 {
			t.Errorf("it asks for the history from %d on, and from %d on, want 5 and 4", known.StartRevision, r.StartRevision)
		}
		s.tell(t, known.WatchId, 5)
		s.tell(t, r.WatchId, 4, 5)
		if got := brief(read(t, w, 1)); got != "PUT k=5.0" {
			t.Errorf("got %s", got)
		}
		s.end(errGoingDown)
		s = m.opened()
		s.confirm(t, 8)
		s.cancel(t)
		r = s.confirm(t, 8)
		s.tell(t, r.WatchId, 5, 6)
		if got := brief(read(t, w, 1)); r.StartRevision != 5 || got != "PUT k=6.0" {
			t.Errorf("from %d on it gets %s", r.StartRevision, got)
		}
		s.end(errGoingDown)
		s = m.opened()
		s.confirm(t, 9)
		s.cancel(t)
		s.send(t, &pb.WatchResponse{Header: at(9), WatchId: s.confirm(t, 9).WatchId, Canceled: true, CompactRevision: 7})
		var compacted *watch.CompactedError
		if <-w.Done(); !errors.As(w.Err(), &compacted) || compacted.CompactRevision != 8 {
			t.Errorf("where the deletions at 7 may be lost, it ends with %v", w.Err())
		}
	})
}

// TestOldMemberCreatesAWatchOfTheFutureAtOnce shows that the watch after a read does not have to catch up.
func TestOldMemberCreatesAWatchOfTheFutureAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.Version = "3.4.33"
		pending := begin(openFake(t, m).WithKey("k").WithStartRevision(9))
		s := m.opened()
		r := s.confirm(t, 8)
		w := pending.wait(t)
		s.tell(t, r.WatchId, 9)
		if got := brief(read(t, w, 1)); r.StartRevision != 9 || len(s.requests) != 0 || got != "PUT k=9.0" {
			t.Errorf("from %d on it gets %s, and asks for %d things more", r.StartRevision, got, len(s.requests))
		}
	})
}

// TestCompactionIsLearntOncePerStream has two watches whose known history has been compacted.
func TestCompactionIsLearntOncePerStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m).WithKey("k").WithStartRevision(5)
		first := begin(c)
		synctest.Wait()
		second := begin(c)
		s := m.opened()
		s.confirm(t, 4)
		s.confirm(t, 4)
		first.wait(t)
		second.wait(t)
		time.Sleep(progressInterval)
		s.progress(t, 20)
		s.end(errGoingDown)
		s = m.opened()
		r := s.create(t) // goes alone
		if r.StartRevision != 5 {
			t.Errorf("it asks for the history from %d on, want 5", r.StartRevision)
		}
		s.send(t, &pb.WatchResponse{Header: at(20), WatchId: r.WatchId, Created: true, Canceled: true, CompactRevision: 15})
		for next := range 2 {
			for range 2 {
				if r := s.confirm(t, 20); r.StartRevision != 15 {
					t.Errorf("stream %d: after a compaction at 15 it asks for the history from %d on", next, r.StartRevision)
				}
			}
			s.end(errGoingDown)
			s = m.opened()
		}
	})
}

// TestEventThatAServerToldLateIsTaken has no member, whose progress never overtakes an event.
func TestEventThatAServerToldLateIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const refusal = "rpc error: code = InvalidArgument desc = etcdserver: unsupported options in watch request"
		m := newMember(t, "a")
		c := openFake(t, m)
		pending, other := begin(c.WithKey("k").WithStartRevision(5)), begin(c.WithKey("l").WithStartRevision(5))
		s := m.opened()
		s.refuse(t, refusal)
		s.choose(t, 1, 4)
		s.choose(t, 2, 4)
		w := pending.wait(t)
		other.wait(t)
		if err := w.Progress(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.progress(t, 8) // before the event at 6
		s.end(errGoingDown)
		s = m.opened()
		s.refuse(t, refusal)
		ids := map[string]int64{}
		for id := range int64(2) {
			ids[string(s.choose(t, id+3, 20).Key)] = id + 3
		}
		s.tell(t, ids["k"], 6, 12)
		s.tell(t, ids["k"], 13)
		if got := brief(read(t, w, 3)); got != "PUT k=6.0, PUT k=12.0, PUT k=13.0" {
			t.Errorf("got %s", got)
		}
		if err := other.w.Err(); err != nil {
			t.Errorf("the other watch ended: %v", err)
		}
	})
}

// TestWatchThatWaitsForItsCreationEndsWithTheHistory begins while no stream is open, from a revision of the old history.
func TestWatchThatWaitsForItsCreationEndsWithTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.Version = "3.7.3"
		asked, answer := make(chan struct{}), make(chan struct{})
		m.read = func(*pb.RangeRequest) *pb.RangeResponse {
			asked <- struct{}{}
			<-answer
			return &pb.RangeResponse{Header: at(3), Kvs: []*mvccpb.KeyValue{}}
		}
		c := openFake(t, m)
		pending := begin(c.WithKey("k"))
		s := m.opened()
		s.confirm(t, 8)
		pending.wait(t)
		time.Sleep(progressInterval)
		s.progress(t, 8)
		s.end(errGoingDown)
		s = m.opened()
		<-asked
		waiter, fresh := begin(c.WithKey("k").WithStartRevision(9).WithTimeout(time.Minute)), begin(c.WithKey("k").WithTimeout(time.Minute))
		synctest.Wait()
		answer <- struct{}{}
		var rewound *watch.RewoundError
		if <-waiter.created; !errors.As(waiter.err, &rewound) || rewound.Revision != 3 {
			t.Errorf("got %v", waiter.err)
		}
		s.confirm(t, 3)
		fresh.wait(t)
	})
}
