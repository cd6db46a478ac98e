// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/watch"
)

// A proxy loses events of watches with equal ranges. A range that cannot begin earlier ends earlier, at a key of its own.
func TestWatchOfAConfinedUserGetsARangeThatEndsEarlier(t *testing.T) {
	for _, tt := range []struct {
		name     string
		request  func(ctx.Ctx) ctx.Ctx
		denied   bool
		key, end string // the end without what makes it unique
	}{
		{"all keys", func(c ctx.Ctx) ctx.Ctx { return c.WithKey("").WithPrefix() }, false, "\x00", strings.Repeat("\xff", 64)},
		{"all that the user may watch", func(c ctx.Ctx) ctx.Ctx { return c.WithKey("k/").WithPrefix() }, true, "k/", "k/" + strings.Repeat("\xff", 64)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				var beyond atomic.Int64
				m.read = func(r *pb.RangeRequest) *pb.RangeResponse {
					if r.CountOnly {
						return &pb.RangeResponse{Header: at(9), Count: beyond.Load()}
					}
					return &pb.RangeResponse{Header: at(9), Kvs: []*mvccpb.KeyValue{{Key: []byte("k"), ModRevision: 2}}}
				}
				pending := begin(tt.request(openFake(t, m)))
				s := m.opened()
				s.reveal(t, 1)
				if tt.denied {
					s.refuse(t, "etcdserver: permission denied")
				}
				r := s.choose(t, 1, 1)
				if end := string(r.RangeEnd); string(r.Key) != tt.key || !strings.HasPrefix(end, tt.end) || len(end) != len(tt.end)+8 {
					t.Errorf("asked for %q to %q", r.Key, r.RangeEnd)
				}
				w := pending.wait(t)
				e := &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte("k/1"), ModRevision: 2}}
				s.send(t, &pb.WatchResponse{Header: at(2), WatchId: 1, Events: []*mvccpb.Event{e}})
				read(t, w, 1)
				time.Sleep(time.Minute)
				if w.Err() != nil || len(s.requests) != 0 {
					t.Errorf("%v, %d requests", w.Err(), len(s.requests))
				}
				beyond.Store(1)
				began := time.Now()
				if <-w.Done(); !errors.Is(w.Err(), watch.ErrBeyond) || time.Since(began) > 5*time.Second {
					t.Errorf("after %v: %v", time.Since(began), w.Err())
				}
			})
		})
	}
}

// The user may watch nothing but the one key, and the proxy loses events.
func TestEventsOfOneKeyThatAProxyLostAreFetchedAgain(t *testing.T) {
	pair := func(version, create, mod int64) *mvccpb.KeyValue {
		return &mvccpb.KeyValue{Key: []byte("k"), Version: version, CreateRevision: create, ModRevision: mod}
	}
	put := func(version, create, mod, prev int64) *mvccpb.Event {
		e := &mvccpb.Event{Kv: pair(version, create, mod)}
		if prev > 0 {
			e.PrevKv = pair(0, 0, prev)
		}
		return e
	}
	gone := func(mod, prev int64) *mvccpb.Event {
		return &mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: pair(0, 0, mod), PrevKv: pair(0, 0, prev)}
	}
	for _, tt := range []struct {
		name   string
		before []*mvccpb.Event  // have come
		now    *mvccpb.Event    // comes; nil: nothing does
		there  *mvccpb.KeyValue // in the store
		from   int64            // the watch is created again from there; 0: it is not
	}{
		{"nothing is lost", []*mvccpb.Event{put(1, 2, 2, 0), put(2, 2, 3, 2), gone(4, 3)}, put(1, 6, 6, 0), pair(1, 6, 6), 0},
		{"nothing is lost of an older key", []*mvccpb.Event{put(7, 1, 2, 1), put(8, 1, 3, 2)}, gone(4, 3), nil, 0},
		{"a put", []*mvccpb.Event{put(1, 2, 2, 0)}, put(3, 2, 5, 4), pair(3, 2, 5), 3},
		{"a deletion", []*mvccpb.Event{put(1, 2, 2, 0)}, put(1, 5, 5, 0), pair(1, 5, 5), 3},
		{"a put before a deletion", []*mvccpb.Event{put(1, 2, 2, 0)}, gone(6, 4), nil, 3},
		{"a creation", []*mvccpb.Event{put(1, 2, 2, 0), gone(3, 2)}, put(2, 4, 5, 4), pair(2, 4, 5), 4},
		{"the first creation", nil, put(2, 3, 5, 3), pair(2, 3, 5), 2},
		{"the first change of an older key", nil, put(7, 1, 5, 4), pair(7, 1, 5), 2},
		{"the last put", []*mvccpb.Event{put(1, 2, 2, 0)}, nil, pair(2, 2, 7), 3},
		{"the last deletion", []*mvccpb.Event{put(1, 2, 2, 0)}, nil, nil, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				m.read = func(asked *pb.RangeRequest) *pb.RangeResponse {
					r := &pb.RangeResponse{Header: at(9)}
					for _, e := range append(tt.before, tt.now) { // whether the history is the same still
						if asked.Revision != 0 && e != nil && e.Kv.ModRevision == asked.Revision && e.Type == mvccpb.Event_PUT {
							r.Kvs = []*mvccpb.KeyValue{e.Kv}
						}
					}
					if asked.Revision != 0 {
						return r
					}
					if tt.there != nil {
						r.Kvs = []*mvccpb.KeyValue{tt.there}
					}
					return r
				}
				pending := begin(openFake(t, m).WithKey("k"))
				s := m.opened()
				s.reveal(t, 1)
				s.refuse(t, "etcdserver: permission denied")
				if r := s.choose(t, 1, 1); string(r.Key) != "k" || len(r.RangeEnd) != 0 || !r.PrevKv {
					t.Errorf("asked for %v", r)
				}
				w := pending.wait(t)
				tell := func(id int64, e *mvccpb.Event) {
					s.send(t, &pb.WatchResponse{Header: at(e.Kv.ModRevision), WatchId: id, Events: []*mvccpb.Event{e}})
				}
				for _, e := range tt.before {
					tell(1, e)
				}
				read(t, w, len(tt.before))
				if tt.now != nil {
					tell(1, tt.now)
				}
				if tt.from == 0 {
					read(t, w, 1)
					time.Sleep(time.Minute)
					if n := len(s.requests); n != 0 {
						t.Errorf("%d requests", n)
					}
					return
				}
				s.cancel(t)
				if got := w.Status(); got.InStep || got.Parked || got.Err == nil || !strings.Contains(got.Err.Error(), "lost an event") {
					t.Errorf("after the loss: %+v", got)
				}
				s.cancelled(t, 1)
				if r := s.choose(t, 2, 9); r.StartRevision != tt.from {
					t.Errorf("goes on at %d, want %d", r.StartRevision, tt.from)
				}
				next := put(1, 6, 6, 0)
				if n := len(tt.before); n > 0 && tt.before[n-1].Type == mvccpb.Event_PUT {
					last := tt.before[n-1].Kv
					next = put(last.Version+1, last.CreateRevision, 6, last.ModRevision)
				}
				tell(2, next)
				if got := read(t, w, 1)[0]; got.Kv.ModRevision != 6 || got.PrevKv != nil {
					t.Errorf("got %v", got)
				}
			})
		})
	}
}
