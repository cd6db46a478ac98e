// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/watch"
)

// choose waits for a creation, and confirms it under an ID of the server's choice.
func (s *serverStream) choose(t *testing.T, id, rev int64) *pb.WatchCreateRequest {
	t.Helper()
	r := s.create(t)
	s.send(t, &pb.WatchResponse{Header: at(rev), WatchId: id, Created: true})
	return r
}

// reveal answers the first creation on a stream as a server that chooses IDs does. The client cancels that watch, and creates it
// again.
func (s *serverStream) reveal(t *testing.T, rev int64) {
	t.Helper()
	s.choose(t, 0, rev)
	if id := s.cancel(t); id != 0 {
		t.Errorf("cancelled %d", id)
	}
	s.cancelled(t, 0)
}

func TestServerThatChoosesIDsIsAskedForOneWatchAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m)
		var all []*pending
		keys := []string{"a", "b", "c", "d"}
		for _, key := range keys {
			all = append(all, begin(c.WithKey(key)))
			synctest.Wait()
		}
		s := m.opened()
		synctest.Wait()
		if n := len(s.requests); n != 1 {
			t.Errorf("%d requests before the server has shown its kind", n)
		}
		s.reveal(t, 1)
		// It answers in any order those that it has been asked for, so there must not be two.
		for i, id := range []int64{41, 0, 40, 0} {
			r := s.create(t)
			if r.WatchId != 0 || bytes.Compare(r.Key, []byte(keys[i])) >= 0 || !bytes.Equal(r.RangeEnd, []byte(keys[i]+"\x00")) {
				t.Errorf("watch %d is created as %v", i, r)
			}
			synctest.Wait()
			if n := len(s.requests); n != 0 {
				t.Errorf("%d requests while a creation is not answered", n)
			}
			if id == 0 {
				s.send(t, &pb.WatchResponse{Header: at(1), WatchId: -1, Created: true, Canceled: true, CancelReason: "etcdserver: user name is empty"})
			} else {
				s.send(t, &pb.WatchResponse{Header: at(1), WatchId: id, Created: true})
			}
		}
		for i, is := range []error{nil, etcderr.ErrUserEmpty, nil, etcderr.ErrUserEmpty} {
			<-all[i].created
			if !errors.Is(all[i].err, is) {
				t.Errorf("watch %d: got %v, want %v", i, all[i].err, is)
			}
		}
		s.tell(t, 0, 2)  // of nobody
		s.tell(t, 40, 3) // key "k" is above both of these
		s.tell(t, 41, 4)
		if got := brief(read(t, all[0].w, 1)) + ", " + brief(read(t, all[2].w, 1)); got != "PUT k=4.0, PUT k=3.0" {
			t.Errorf("got %s", got)
		}
		time.Sleep(time.Minute)
		for _, when := range []string{"on a stream", "between streams", "on the next one"} {
			if err := all[0].w.Progress(t.Context()); !errors.Is(err, watch.ErrNoProgress) {
				t.Errorf("%s the reader asks for progress: %v", when, err)
			}
			if n := s.asked.Load(); n != 0 {
				t.Errorf("asked for progress %d times", n)
			}
			if when == "on a stream" {
				s.end(errGoingDown)
				synctest.Wait()
			} else if when == "between streams" {
				s = m.opened()
				s.create(t)
			}
		}
	})
}

// A proxy is asked for a wider range and does not filter, so it sends keys and events that the reader has not asked for.
func TestReaderGetsOnlyWhatItAskedForWhereTheServerSendsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k").WithFilterDelete())
		s := m.opened()
		s.reveal(t, 1)
		if r := s.choose(t, 1, 1); len(r.Filters) != 0 {
			t.Errorf("asked to filter: %v", r)
		}
		w := pending.wait(t)
		r := changes(1, 2, 3, 4, 5)
		r.Events[0].Kv.Key = []byte("j\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
		r.Events[1].Type = 1 // DELETE
		r.Events[2].PrevKv = r.Events[1].Kv
		s.send(t, r)
		if got := brief(read(t, w, 2)); got != "PUT k=4.0, PUT k=5.0" {
			t.Errorf("got %s", got)
		}
	})
}

func TestServerThatRefusesIDsIsLetToChooseThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m)
		first, second := begin(c.WithKey("k")), begin(c.WithKey("k"))
		s := m.opened()
		s.refuse(t, "rpc error: code = InvalidArgument desc = etcdserver: unsupported options in watch request")
		for _, id := range []int64{7, 8} {
			if r := s.choose(t, id, 1); r.WatchId != 0 {
				t.Errorf("asked for %v", r)
			}
		}
		both := []string{}
		s.tell(t, 7, 2)
		s.tell(t, 8, 3)
		for _, p := range []*pending{first, second} {
			both = append(both, brief(read(t, p.wait(t), 1)))
		}
		slices.Sort(both)
		if !slices.Equal(both, []string{"PUT k=2.0", "PUT k=3.0"}) {
			t.Errorf("got %v", both)
		}
		time.Sleep(time.Minute)
		if n := s.asked.Load(); n != 0 {
			t.Errorf("asked for progress %d times", n)
		}
		if err := first.w.Progress(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := s.asked.Load(); n != 1 {
			t.Errorf("asked for progress %d times after the reader did", n)
		}
	})
}

// A reason that is none of etcd's own may be about the ID. It is not if the server also refuses the watch without an ID.
func TestMemberThatRefusesForAnUnknownReasonIsStillTakenForAMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m)
		refused := begin(c.WithKey("z"))
		s := m.opened()
		s.refuse(t, "mvcc: another reason")
		s.refuse(t, "mvcc: another reason")
		if <-refused.created; refused.err == nil {
			t.Error("created")
		}
		next := begin(c.WithKey("k"))
		s = m.opened()
		if r := s.confirm(t, 1); r.WatchId == 0 {
			t.Error("a member is taken for a server that refuses IDs")
		}
		next.wait(t)
	})
}

// A proxy does not answer a creation that the members refuse. Other creations wait behind it.
func TestUnansweredCreationDoesNotBlockOtherWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m)
		first := begin(c.WithKey("k"))
		s := m.opened()
		s.reveal(t, 1)
		s.choose(t, 1, 1)
		w := first.wait(t)
		silent := begin(c.WithKey("silent"))
		s.create(t)
		synctest.Wait()
		behind := begin(c.WithKey("k"))
		start := time.Now()
		s = m.opened()
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("left after %v", took)
		}
		s.reveal(t, 1)
		s.choose(t, 1, 1)
		s.choose(t, 2, 1) // the one that was not answered is the last
		other := behind.wait(t)
		if r := s.create(t); string(r.RangeEnd) != "silent\x00" {
			t.Errorf("%v is created last", r)
		}
		if <-silent.created; silent.err == nil {
			t.Error("created without an answer")
		}
		s.tell(t, 1, 2)
		s.tell(t, 2, 2)
		if got := brief(read(t, w, 1)) + ", " + brief(read(t, other, 1)); got != "PUT k=2.0, PUT k=2.0" {
			t.Errorf("got %s", got)
		}
	})
}
