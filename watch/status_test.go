// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

func TestStatusTellsWhetherAWatchIsInStepAndWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k"), watch.WithBuffer(1))
		s := m.opened()
		s.confirm(t, 4)
		w := pending.wait(t)
		synctest.Wait()
		began := time.Now()
		if got := w.Status(); !got.InStep || got.Err != nil || got.Endpoint != "a:1" || got.Parked || got.Waiting != 0 || !got.Since.Equal(began) {
			t.Errorf("in step: %+v", got)
		}
		time.Sleep(time.Second)
		s.tell(t, 1, 5)
		if got := w.Status(); !got.InStep || got.Waiting == 0 || !got.Since.Equal(began) {
			t.Errorf("with an event to read: %+v", got)
		}
		s.tell(t, 1, 6)
		if got := w.Status(); got.InStep || !got.Parked || got.Err == nil || !got.Since.Equal(time.Now()) {
			t.Errorf("with a full buffer: %+v", got)
		}
		s.cancel(t)
		s.cancelled(t, 1)
		read(t, w, 1)
		s.confirm(t, 6)
		s.tell(t, 2, 6)
		read(t, w, 1)
		if got := w.Status(); !got.InStep || got.Parked || !got.Since.Equal(time.Now()) {
			t.Errorf("with room again: %+v", got)
		}
		time.Sleep(2 * time.Second)
		s.end(errGoingDown)
		s = m.opened()
		synctest.Wait()
		if got := w.Status(); got.InStep || got.Parked {
			t.Errorf("before it is created again: %+v", got)
		}
		s.confirm(t, 6)
		synctest.Wait()
		if got := w.Status(); !got.InStep || got.Err != nil {
			t.Errorf("on the next stream: %+v", got)
		}
		time.Sleep(500 * time.Millisecond)
		s.end(status.Error(codes.Unavailable, "etcdserver: no leader"))
		synctest.Wait()
		if got := w.Status(); got.InStep || got.Err == nil || !strings.Contains(got.Err.Error(), "no leader") {
			t.Errorf("without a stream: %+v", got)
		}
	})
}

// A member answers no progress request before the start revision of each watch of the stream exists. This is the usual
// watch after a read, of a store in which nothing is written.
func TestWatchFromTheNextRevisionIsInStepWhileNothingIsWritten(t *testing.T) {
	cluster := etcdtest.Start(t)
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	first, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey("k").WithValue("1"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := watch.Watch(t.Context(), watch.New(c.Name()).WithKey("k").WithStartRevision(first.GetHeader().GetRevision()+1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for began := time.Now(); time.Since(began) < 6*time.Second; time.Sleep(20 * time.Millisecond) {
		if s := w.Status(); !s.InStep {
			t.Fatalf("after %v the status is %+v", time.Since(began), s)
		}
	}
	cluster.Member(0).Pause()
	for began := time.Now(); w.Status().InStep; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("the watch is in step with a member that does not answer")
		}
	}
	cluster.Member(0).Resume()
	if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey("k").WithValue("2")); err != nil {
		t.Fatal(err)
	}
	for event, err := range w.Events() {
		if err != nil || string(event.GetKv().GetValue()) != "2" {
			t.Fatalf("the next event is %v, %v", event, err)
		}
		break
	}
}

func TestChangedIsClosedByEachChangeOfStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k"), watch.WithBuffer(1))
		s := m.opened()
		s.confirm(t, 4)
		w := pending.wait(t)
		synctest.Wait()
		status := w.Status()
		still := func(when string) {
			t.Helper()
			synctest.Wait()
			select {
			case <-status.Changed():
				t.Errorf("%s: a change is told: %+v", when, w.Status())
			default:
			}
		}
		changed := func(when string, want func(watch.Status) bool) {
			t.Helper()
			synctest.Wait()
			select {
			case <-status.Changed():
			default:
				t.Errorf("%s: no change is told", when)
			}
			if status = w.Status(); !want(status) {
				t.Errorf("%s: %+v", when, status)
			}
		}
		inStep := func(s watch.Status) bool { return s.InStep && s.Err == nil && s.Endpoint == "a:1" }
		out := func(s watch.Status) bool { return !s.InStep && s.Err != nil }
		s.tell(t, 1, 5)
		still("an event")
		if got := w.Status().Rev; got != 5 {
			t.Errorf("the watch has everything up to revision %d, want 5", got)
		}
		s.tell(t, 1, 6)
		changed("the buffer is full", func(s watch.Status) bool { return s.Parked })
		s.cancel(t)
		s.cancelled(t, 1)
		still("parked")
		read(t, w, 1)
		changed("there is room", func(s watch.Status) bool { return !s.Parked && !s.InStep })
		s.confirm(t, 6)
		changed("created again", inStep)
		s.end(errGoingDown)
		changed("the stream breaks", out)
		s = m.opened()
		changed("the next stream", func(s watch.Status) bool { return !s.InStep && s.Endpoint == "a:1" })
		s.confirm(t, 6)
		changed("created on it", inStep)
		time.Sleep(10 * time.Second)
		changed("the server is silent", out)
		s.progress(t, 7)
		spoke := time.Now()
		time.Sleep(2 * time.Second)
		if w.Status().Since.Before(spoke) {
			t.Errorf("in step again since %v, the server spoke at %v", w.Status().Since, spoke)
		}
		changed("the server speaks again", inStep)
		_ = w.Close()
		changed("closed", func(s watch.Status) bool { return !s.InStep })
		changed("ended", func(s watch.Status) bool { return !s.InStep })
	})
}

// No timeout is set. The member refuses each stream, like one that is cut off from the other members.
func TestWatchFailsAfterTheDefaultTimeoutAndTellsWhatItWaitedFor(t *testing.T) {
	for want, opts := range map[time.Duration][]conn.Option{
		5 * time.Second:  nil,
		2 * time.Second:  {conn.WithDefaultTimeout(2 * time.Second)},
		30 * time.Second: {conn.WithDefaultTimeout(30 * time.Second)},
	} {
		t.Run(want.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				c := openFakeWith(t, opts, m).WithKey("k")
				began := time.Now()
				pending := begin(c)
				for done := false; !done; {
					select {
					case s := <-m.streams:
						s.end(status.Error(codes.Unavailable, "etcdserver: request timed out"))
					case <-pending.created:
						done = true
					}
				}
				if took := time.Since(began); took != want {
					t.Errorf("it ended after %v", took)
				}
				if err := pending.err; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "request timed out") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// A response of more than 2 GiB breaks the stream, on either side.
func TestResponseThatIsTooLargeIsRequestedInFragments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k").WithStartRevision(1))
		s := m.opened()
		if r := s.confirm(t, 9); r.Fragment {
			t.Error("in parts from the start")
		}
		w := pending.wait(t)
		for range 4 {
			s.end(status.Error(codes.ResourceExhausted, "grpc: trying to send message larger than max (2147483648 vs. 2147483647)"))
			select {
			case s = <-m.streams:
			case <-w.Done():
				if status.Code(w.Err()) != codes.ResourceExhausted {
					t.Errorf("ended with %v", w.Err())
				}
				return
			}
			if r := s.confirm(t, 9); !r.Fragment || r.StartRevision != 1 {
				t.Errorf("created again as %v", r)
			}
		}
		t.Error("the same request is repeated without a limit")
	})
}
