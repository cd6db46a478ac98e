// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/watch"
)

const progressInterval = time.Second

// When a watch is cancelled, etcd keeps the responses that it has in hand. It sends them when a watch with the same ID is created.
func TestLateEventsOfACancelledWatchAreNotDeliveredToAnotherOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k").WithStartRevision(1).WithWatchID(7), watch.WithBuffer(1))
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

func TestRevIsTheLastRevisionThatTheReaderHasInFull(t *testing.T) {
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
				pending := begin(openFake(t, m).WithKey("k").WithFragment().WithProgressNotify())
				s := m.opened()
				id := s.confirm(t, 4).WatchId
				w := pending.wait(t)
				if w.Rev() != 4 {
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

// resumedAt breaks a stream, confirms the one watch on the next, and returns the position from where it goes on. The watch may ask for
// earlier revisions as well.
func resumedAt(t *testing.T, m *member, s *serverStream, w *watch.Watcher, rev int64) (int64, *serverStream) {
	t.Helper()
	s.end(errGoingDown)
	next := m.opened()
	position := w.Status().Rev + 1
	if from := next.confirm(t, rev).StartRevision; from > position {
		t.Errorf("at %d it goes on from %d", position, from)
	}
	return position, next
}

func TestProgressIsRequestedEverySecondAndMovesThePosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k"))
		s := m.opened()
		s.confirm(t, 4)
		w := pending.wait(t)
		time.Sleep(100 * time.Millisecond)
		for i := range int64(20) {
			time.Sleep(progressInterval)
			if got := s.asked.Load(); got != i+1 {
				t.Fatalf("%d progress requests in %d s", got, i+1)
			}
			s.progress(t, 5+i)
		}
		if rev, _ := resumedAt(t, m, s, w, 30); rev != 25 {
			t.Errorf("resumed at %d, want 25", rev)
		}
	})
}

// A progress response that was on its way when a watch was created does not include that watch.
func TestProgressResponseFromBeforeAWatchDoesNotMoveIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m)
		first := begin(c.WithKey("k"))
		s := m.opened()
		s.confirm(t, 4)
		a := first.wait(t)
		time.Sleep(progressInterval + progressInterval/2) // and the client has asked
		second := begin(c.WithKey("k").WithStartRevision(2))
		s.confirm(t, 9)
		b := second.wait(t)
		s.progress(t, 9) // from before the second, for which 2 to 9 are still to come
		s.end(errGoingDown)
		s = m.opened()
		s.confirm(t, 9)
		s.confirm(t, 9)
		if a, b := a.Status().Rev, b.Status().Rev; a != 9 || b != 1 {
			t.Errorf("resumed after %d and %d, want 9 and 1", a, b)
		}
		// On the new stream nothing has been asked before the creation.
		time.Sleep(progressInterval)
		s.progress(t, 9)
		s.end(errGoingDown)
		s = m.opened()
		s.confirm(t, 9)
		s.confirm(t, 9)
		if a, b := a.Status().Rev, b.Status().Rev; a != 9 || b != 9 {
			t.Errorf("resumed after %d and %d, want 9", a, b)
		}
	})
}

// Old servers send progress responses that overtake events.
func TestPositionIgnoresProgressResponsesThatMayOvertakeEvents(t *testing.T) {
	for version, relies := range map[string]bool{
		"3.4.13": false, "3.4.24": false, "3.4.25": true, "3.5.0-alpha.0": false, "3.5.7": false, "3.5.8": true,
		"3.6.0": true, "4.0.0": true, "unheard of": false,
	} {
		t.Run(version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				m.Version = version
				pending := begin(openFake(t, m).WithKey("k").WithStartRevision(2))
				s := m.opened()
				synctest.Wait()
				if s.asked.Load() != 0 {
					t.Fatalf("asked %d times before the creation", s.asked.Load())
				}
				s.confirm(t, 1) // the watch begins after that, so a lossy member is not asked twice
				w := pending.wait(t)
				time.Sleep(progressInterval)
				s.progress(t, 8)
				rev, s := resumedAt(t, m, s, w, 1)
				if relies {
					if rev != 9 {
						t.Errorf("resumed at %d, want 9", rev)
					}
					return
				}
				if rev != 2 {
					t.Errorf("resumed at %d, want 2", rev)
				}
				s.send(t, &pb.WatchResponse{Header: at(7), WatchId: 1}) // its own, which comes in turn
				if rev, s = resumedAt(t, m, s, w, 7); rev != 8 {
					t.Errorf("resumed at %d, want 8", rev)
				}
				s.tell(t, 1, 9)
				if got := brief(read(t, w, 1)); got != "PUT k=9.0" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}

func TestSilentMemberIsCheckedAndLeftForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		pending := begin(openFake(t, a, b).WithKey("k"))
		var s *serverStream
		silent, other := a, b
		select {
		case s = <-a.streams:
		case s = <-b.streams:
			silent, other = b, a
		}
		s.confirm(t, 4)
		w := pending.wait(t)
		for range 5 {
			time.Sleep(progressInterval)
			s.progress(t, 4)
		}
		before := silent.Checks.Load()
		silent.Pause()
		start := time.Now()
		next := other.opened()
		if rev := next.confirm(t, 6).StartRevision; rev != 5 {
			t.Errorf("resumed at %d, want 5", rev)
		}
		// The second in which it was heard last, two of patience, one for the check, and a pause before the next stream.
		if took := time.Since(start); took < 3*time.Second || took > 4100*time.Millisecond {
			t.Errorf("left after %v", took)
		}
		if silent.Checks.Load() == before {
			t.Error("left without being asked")
		}
		next.tell(t, 1, 5)
		if got := brief(read(t, w, 1)); got != "PUT k=5.0" {
			t.Errorf("got %s", got)
		}
	})
}

func TestMemberThatReadsNothingIsLeftForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, a, b)
		a.deaf.Store(true)
		b.deaf.Store(true)
		key := strings.Repeat("k", 1000)
		var all []*pending
		for range 500 { // more than the flow control of a stream lets through
			all = append(all, begin(c.WithKey(key)))
		}
		time.Sleep(time.Second)
		deaf, other := a, b
		if len(b.streams) > 0 {
			deaf, other = b, a
		}
		deaf.Pause()
		other.deaf.Store(false)
		start := time.Now()
		s := other.opened()
		if took := time.Since(start); took > 4100*time.Millisecond {
			t.Errorf("left after %v", took)
		}
		for range all {
			s.confirm(t, 1)
		}
		for _, p := range all {
			p.wait(t)
		}
	})
}

// The receiver of Chan may go away. The goroutine behind the channel ends with Close or with the parent context, also where the
// watch had ended before.
func TestChannelOfAnEndedWatchEndsWithItsReader(t *testing.T) {
	for _, tt := range []struct {
		name  string
		leave func(w *watch.Watcher, cancel context.CancelFunc)
	}{
		{"Close", func(w *watch.Watcher, _ context.CancelFunc) { _ = w.Close() }},
		{"parent", func(_ *watch.Watcher, cancel context.CancelFunc) { cancel() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				c := openFake(t, m)
				parent, cancel := context.WithCancel(context.Background())
				defer cancel()
				pending := beginWith(parent, c.WithKey("k"))
				s := m.opened()
				s.confirm(t, 4)
				w := pending.wait(t)
				channel := w.Chan()
				s.tell(t, 1, 5)
				s.tell(t, 1, 6)
				s.send(t, &pb.WatchResponse{WatchId: 1, Canceled: true, CompactRevision: 9})
				<-w.Done()
				tt.leave(w, cancel)
				synctest.Wait()
				if r, ok := <-channel; ok {
					t.Errorf("the channel still has %v", r)
				}
				if w.Err() == nil {
					t.Error("Err no longer has the reason")
				}
			})
		})
	}
}
