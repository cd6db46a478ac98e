// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/watch"
)

// TestTenThousandWatchesOnOneConnection opens them, waits for the one event of each, and closes them.
func TestTenThousandWatchesOnOneConnection(t *testing.T) {
	const watches, openers = 10_000, 64
	cluster := etcdtest.Start(t)
	c := open(t, cluster.Endpoints())
	fill(t, c, "warm-up/", 100, "")
	memory, goroutines := heap(), runtime.NumGoroutine()

	all := make([]*watch.Watcher, watches)
	began := time.Now()
	var opening sync.WaitGroup
	for o := range openers {
		opening.Go(func() {
			for i := o; i < watches; i += openers {
				w, err := watch.Watch(t.Context(), c.WithKey(fmt.Sprintf("w/%07d", i)))
				if err != nil {
					t.Errorf("watch %d: %v", i, err)
					return
				}
				all[i] = w
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	took := time.Since(began)
	each := (heap() - memory) / watches
	more := runtime.NumGoroutine() - goroutines

	fill(t, c, "w/", watches, "v")
	deadline := time.AfterFunc(time.Minute, func() {
		for _, w := range all {
			_ = w.Close()
		}
	})
	defer deadline.Stop()
	for i, w := range all {
		n := 0
		for event, err := range w.Events() {
			if want := fmt.Sprintf("w/%07d", i); err != nil || string(event.Kv.Key) != want {
				t.Fatalf("watch %d: %v, %v", i, event, err)
			}
			n++
			break
		}
		if n == 0 {
			t.Fatalf("watch %d has not got its event within a minute", i)
		}
	}
	began = time.Now()
	for _, w := range all {
		_ = w.Close()
	}
	for wait := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(wait) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after all are closed\n%s", goroutines, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		}
	}
	t.Logf("%d watches: open in %v, with %d bytes each and %d goroutines in all; closed, goroutines and all, in %v",
		watches, took.Round(time.Millisecond), each, more, time.Since(began).Round(time.Millisecond))
	if each > 8<<10 {
		t.Errorf("a watch takes %d bytes", each)
	}
	if took > time.Minute {
		t.Errorf("opening them took %v", took)
	}
}
