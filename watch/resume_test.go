// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/watch"
)

var errGoingDown = status.Error(codes.Unavailable, "going down")

func TestStreamsAskForALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k"))
		s := m.opened()
		s.confirm(t, 4)
		pending.wait(t)
		if got := s.metadata.Get("hasleader"); !slices.Equal(got, []string{"true"}) {
			t.Errorf("hasleader is %v", got)
		}
	})
}

func TestFragmentsOfABrokenStreamAreDeliveredOnce(t *testing.T) {
	revs := []int64{5, 5, 6, 6, 7}
	for _, tt := range []struct {
		name    string
		handOn  bool
		first   string // before the break
		resumed int64
		then    string
	}{
		// A revision is delivered when it is complete.
		{"put together", false, "PUT k=5.0, PUT k=5.1", 6, "PUT k=6.0, PUT k=6.1, PUT k=7.0"},
		{"handed on", true, "PUT k=5.0, PUT k=5.1, PUT k=6.0", 5, "PUT k=6.1, PUT k=7.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				c := openFake(t, m).WithKey("k").WithStartRevision(5)
				if tt.handOn {
					c = c.WithFragment()
				}
				pending := begin(c)
				s := m.opened()
				s.confirm(t, 7)
				w := pending.wait(t)
				part := func(from, to int) {
					r := changes(1, revs...)
					r.Events = r.Events[from:to]
					r.Fragment = to < len(revs)
					s.send(t, r)
				}
				part(0, 1)
				part(1, 3)
				if got := brief(read(t, w, 1+strings.Count(tt.first, ","))); got != tt.first {
					t.Errorf("first %s", got)
				}
				from := slices.Index(revs, tt.resumed)
				for range 2 { // and once more after the first part
					s.end(errGoingDown)
					s = m.opened()
					if rev := s.confirm(t, 7).StartRevision; rev != tt.resumed {
						t.Errorf("resumed at %d, want %d", rev, tt.resumed)
					}
					part(from, from+1)
				}
				part(from+1, 4)
				part(4, 5)
				if got := brief(read(t, w, 1+strings.Count(tt.then, ","))); got != tt.then {
					t.Errorf("then %s, want %s", got, tt.then)
				}
			})
		})
	}
}

// A watch whose buffer is full when the stream breaks is created again once there is room, at its position.
func TestFullWatchIsNotCreatedOnTheNextStreamBeforeItHasRoom(t *testing.T) {
	for _, tt := range []struct {
		name string
		when string // the stream breaks
	}{
		{"before it is cancelled", "asked"},
		{"after it was cancelled", "parked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				c := openFake(t, m).WithKey("k").WithStartRevision(1)
				full := begin(c, watch.WithBuffer(1))
				synctest.Wait()
				brisk := begin(c)
				synctest.Wait()
				s := m.opened()
				s.confirm(t, 9)
				s.confirm(t, 9)
				w, other := full.wait(t), brisk.wait(t)
				for _, rev := range []int64{1, 2, 3} {
					s.tell(t, 1, rev)
					s.tell(t, 2, rev)
				}
				if id := s.cancel(t); id != 1 {
					t.Fatalf("cancelled %d", id)
				}
				if tt.when == "parked" {
					s.cancelled(t, 1)
				}
				s.end(errGoingDown)
				s = m.opened()
				if rev := s.confirm(t, 9).StartRevision; rev != 4 {
					t.Errorf("the brisk one resumed at %d, want 4", rev)
				}
				time.Sleep(time.Minute)
				if n := len(s.requests); n != 0 {
					t.Errorf("%d requests while there is no room", n)
				}
				s.tell(t, 1, 4)
				if got := brief(read(t, other, 4)); got != "PUT k=1.0, PUT k=2.0, PUT k=3.0, PUT k=4.0" {
					t.Errorf("the brisk one got %s", got)
				}
				if got := brief(read(t, w, 1)); got != "PUT k=1.0" {
					t.Errorf("the full one got %s", got)
				}
				if r := s.confirm(t, 9); r.StartRevision != 2 || r.WatchId == 1 {
					t.Errorf("the full one resumed at %d under the ID %d", r.StartRevision, r.WatchId)
				}
				s.tell(t, 2, 2, 3, 4)
				if got := brief(read(t, w, 3)); got != "PUT k=2.0, PUT k=3.0, PUT k=4.0" {
					t.Errorf("then %s", got)
				}
			})
		})
	}
}

// The buffer may have room again before the member confirms the cancellation.
func TestFullWatchThatIsReadBeforeItsCancellationResumes(t *testing.T) {
	for _, breaks := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := newMember(t, "a")
			pending := begin(openFake(t, m).WithKey("k").WithStartRevision(1), watch.WithBuffer(1))
			s := m.opened()
			s.confirm(t, 9)
			w := pending.wait(t)
			s.tell(t, 1, 1)
			s.tell(t, 1, 2)
			s.cancel(t)
			if got := brief(read(t, w, 1)); got != "PUT k=1.0" {
				t.Errorf("got %s", got)
			}
			s.tell(t, 1, 3) // too late: its stream of events has a gap
			if breaks {
				s.end(errGoingDown)
				s = m.opened()
			} else {
				s.cancelled(t, 1)
			}
			r := s.confirm(t, 9)
			if r.StartRevision != 2 {
				t.Errorf("resumed at %d, want 2", r.StartRevision)
			}
			s.tell(t, r.WatchId, 2, 3)
			if got := brief(read(t, w, 2)); got != "PUT k=2.0, PUT k=3.0" {
				t.Errorf("then %s", got)
			}
		})
	}
}

// A watch that is closed in any stage is not created on the next stream.
func TestClosedWatchIsNotCreatedAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, s *serverStream)
	}{
		{"live", func(t *testing.T, s *serverStream) {}},
		{"full", func(t *testing.T, s *serverStream) {
			s.tell(t, 1, 1)
			s.tell(t, 1, 2)
			s.cancel(t)
		}},
		{"parked", func(t *testing.T, s *serverStream) {
			s.tell(t, 1, 1)
			s.tell(t, 1, 2)
			s.cancel(t)
			s.cancelled(t, 1)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				c := openFake(t, m).WithKey("k").WithStartRevision(1)
				going := begin(c, watch.WithBuffer(1))
				synctest.Wait()
				staying := begin(c)
				synctest.Wait()
				s := m.opened()
				s.confirm(t, 9)
				s.confirm(t, 9)
				tt.do(t, s)
				w := going.wait(t)
				_ = w.Close()
				synctest.Wait()
				if tt.name == "live" && s.cancel(t) != 1 {
					t.Error("another was cancelled")
				}
				s.end(errGoingDown)
				s = m.opened()
				s.confirm(t, 9)
				synctest.Wait()
				if n := len(s.requests); n != 0 {
					t.Errorf("%d more requests", n)
				}
				staying.wait(t)
			})
		})
	}
}
