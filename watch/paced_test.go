// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/watch"
)

// A watch with fragments has a paced stream. It takes the events that the server has in hand when the buffer is full, so nothing is
// sent twice.
func TestPacedWatchReadsEventsThatFollowItsCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k").WithStartRevision(1).WithFragment(), watch.WithBuffer(1))
		s := m.opened()
		s.confirm(t, 9)
		w := pending.wait(t)
		s.tell(t, 1, 1)
		if id := s.cancel(t); id != 1 {
			t.Errorf("cancelled %d", id)
		}
		s.tell(t, 1, 2)
		s.tell(t, 1, 3)
		s.cancelled(t, 1)
		time.Sleep(time.Minute)
		if len(m.streams) != 0 {
			t.Error("another stream while there is no room")
		}
		if got := brief(read(t, w, 3)); got != "PUT k=1.0, PUT k=2.0, PUT k=3.0" {
			t.Errorf("got %s", got)
		}
		s = m.opened()
		if r := s.confirm(t, 9); r.StartRevision != 4 {
			t.Errorf("goes on at %d, want 4", r.StartRevision)
		}
		s.tell(t, 1, 4)
		if got := brief(read(t, w, 1)); got != "PUT k=4.0" {
			t.Errorf("then %s", got)
		}
	})
}

// After the cancellation a member no longer sends previous values.
func TestEventsWithoutPreviousValuesAreFetchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m).WithKey("k").WithStartRevision(2).WithFragment().WithPrevKV()
		pending := begin(c, watch.WithBuffer(1))
		s := m.opened()
		s.confirm(t, 9)
		w := pending.wait(t)
		full := func(rev int64) {
			r := changes(1, rev)
			r.Events[0].PrevKv = &mvccpb.KeyValue{Key: []byte("k"), Value: []byte("v")}
			s.send(t, r)
		}
		full(2)
		s.cancel(t)
		full(3)
		s.tell(t, 1, 4)
		full(5)
		if got := brief(read(t, w, 2)); got != "PUT k=2.0 was v, PUT k=3.0 was v" {
			t.Errorf("got %s", got)
		}
		synctest.Wait()
		if got := w.Status(); got.InStep || got.Parked || got.Err == nil || !strings.Contains(got.Err.Error(), "previous values") {
			t.Errorf("after an event without its previous value: %+v", got)
		}
		s.cancelled(t, 1)
		s = m.opened()
		if r := s.confirm(t, 9); r.StartRevision != 4 {
			t.Errorf("goes on at %d, want 4", r.StartRevision)
		}
		full(4)
		if got := brief(read(t, w, 1)); got != "PUT k=4.0 was v" {
			t.Errorf("then %s", got)
		}
	})
}
