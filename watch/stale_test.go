// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/watch"
)

// TestLateAnswerOfAnEarlierHistoryIsNotTakenForTheNewOne has two streams. One shows that the store has gone back. The server of the
// other one does not know that yet, and answers a creation.
func TestLateAnswerOfAnEarlierHistoryIsNotTakenForTheNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rev atomic.Int64
		rev.Store(100)
		m := newMember(t, "a")
		m.read = func(*pb.RangeRequest) *pb.RangeResponse {
			return &pb.RangeResponse{Header: at(rev.Load()), Kvs: []*mvccpb.KeyValue{}}
		}
		c := openFake(t, m).WithKey("k").WithTimeout(time.Minute)
		old := begin(c)
		stale := m.opened()
		stale.confirm(t, 100)
		ended := []*watch.Watcher{old.wait(t)}
		time.Sleep(progressInterval)
		stale.progress(t, 100)
		pinned := begin(c.WithEndpoint("a:1"))
		s := m.opened()
		s.confirm(t, 100)
		ended = append(ended, pinned.wait(t))
		late := begin(c)
		asked := stale.create(t)
		rev.Store(3)
		s.end(errGoingDown)
		m.opened()
		for i, w := range ended {
			var rewound *watch.RewoundError
			if <-w.Done(); !errors.As(w.Err(), &rewound) || rewound.Revision != 3 {
				t.Errorf("watch %d: got %v", i, w.Err())
			}
		}

		stale.send(t, &pb.WatchResponse{Header: at(100), WatchId: asked.WatchId, Created: true})
		select {
		case <-late.created:
			t.Fatal("the watch is created in a history that is over")
		default:
		}
		for range 2 { // the store has not gone back again
			s = m.opened()
			s.confirm(t, 3)
			w := late.wait(t)
			synctest.Wait()
			if err := w.Err(); err != nil || w.Rev() != 3 {
				t.Errorf("the watch of the new history is at %d: %v", w.Rev(), err)
			}
			s.end(errGoingDown)
		}
	})
}
