// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// TestWatchesDoNotDisturbEachOther lets watches come and go on a stream in every possible way, beside others whose
// events are all checked.
func TestWatchesDoNotDisturbEachOther(t *testing.T) {
	const stays, comers, writes = 40, 16, 2000
	cluster := etcdtest.Start(t)
	c := open(t, cluster.Endpoints())
	r, err := kv.Put(t.Context(), c.WithKey("k").WithValue("-1"))
	if err != nil {
		t.Fatal(err)
	}
	old := r.Header.Revision
	for range 10 {
		if r, err = kv.Put(t.Context(), c.WithKey("old").WithValue("")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := kv.Compact(t.Context(), c.WithRev(r.Header.Revision)); err != nil {
		t.Fatal(err)
	}

	var reading sync.WaitGroup
	for i := range stays {
		w := start(t, c.WithKey("k"))
		stuck := time.AfterFunc(2*time.Minute, func() { _ = w.Close() })
		reading.Go(func() {
			defer stuck.Stop()
			n := 0
			for event, err := range w.Events() {
				if err != nil || string(event.Kv.Value) != strconv.Itoa(n) {
					t.Errorf("watch %d: got %v, %v as event %d", i, event, err, n)
					return
				}
				if n++; n == writes {
					return
				}
			}
			t.Errorf("watch %d: stuck after %d events", i, n)
		})
	}

	life, over := context.WithCancel(t.Context())
	defer over()
	var coming sync.WaitGroup
	var came atomic.Int64
	for i := range comers {
		choose := rand.New(rand.NewPCG(uint64(i), 0))
		coming.Go(func() {
			for life.Err() == nil {
				parent, cancel := context.WithCancel(life)
				request, opts := c.WithKey("k"), []watch.Option{}
				switch choose.IntN(6) {
				case 0:
					request = request.WithWatchID(7) // as others do at the same time
				case 1:
					request = c.WithKey("z").WithRangeEnd("a") // refused
				case 2:
					request = request.WithStartRevision(old) // compacted
				case 3:
					opts = append(opts, watch.WithBuffer(1)) // is full at once
				case 4:
					time.AfterFunc(time.Duration(choose.Int64N(int64(3*time.Millisecond))), cancel)
				case 5:
					request = request.WithStartRevision(1 << 40)
				}
				w, err := watch.Watch(parent, request, opts...)
				if err == nil {
					came.Add(1)
					time.Sleep(time.Duration(choose.Int64N(int64(10 * time.Millisecond))))
					if choose.IntN(2) == 0 {
						_ = w.Close()
					}
				}
				cancel()
			}
		})
	}
	for n := range writes {
		if _, err := kv.Put(t.Context(), c.WithKey("k").WithValue(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	reading.Wait()
	over()
	coming.Wait()
	t.Logf("%d watches came and went beside %d that got %d events each", came.Load(), stays, writes)
	if came.Load() < 100 {
		t.Errorf("only %d watches came", came.Load())
	}
}
