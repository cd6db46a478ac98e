// SPDX-License-Identifier: Apache-2.0

//go:build !race

package allocs

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

const (
	readers         = 64
	readsOfAReader  = 100
	mostOfALoneRead = 0.1 // objects of a read that travels with others, beside those of one that goes alone

	// A hook sees the message of a read and its key. Nobody makes them without it.
	mostObjectsOfAHookTogether = mostObjectsOfAHook + 2
)

// attempts is a hook of calls and attempts that allocates nothing itself.
type attempts struct {
	observed
	batches *atomic.Int64
	over    func(conn.AttemptResult)
}

func (a *attempts) OnAttempt(_ context.Context, i conn.AttemptInfo) func(conn.AttemptResult) {
	if i.Riders != nil {
		a.batches.Add(1)
	}
	return a.over
}

// crowd returns how many objects a read allocates in the whole process, where readers make reads at the same time.
func crowd(t *testing.T, name string) float64 {
	t.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	var reading sync.WaitGroup
	start := make(chan struct{})
	for i := range readers {
		request := kv.New(name).WithKey(fmt.Sprint("key", i))
		reading.Go(func() {
			<-start
			for range readsOfAReader {
				if _, err := kv.Get(t.Context(), request); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	runtime.ReadMemStats(&before)
	close(start)
	reading.Wait()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / (readers * readsOfAReader)
}

func TestReadsThatTravelTogetherAllocateLessAndAHookAddsAtMostFourObjects(t *testing.T) {
	endpoints := etcdtest.Start(t).Endpoints()
	var batches, calls atomic.Int64
	hook := &attempts{observed{func(conn.CallResult) { calls.Add(1) }}, &batches, func(conn.AttemptResult) {}}
	names := map[string]string{}
	for what, opts := range map[string][]conn.Option{
		"alone": {conn.WithoutBatching()}, "without": nil, "with": {conn.WithHooks(hook)},
	} {
		c, err := conn.Open(t.Context(), "", endpoints, opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		names[what] = c.Name()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	all := map[string][]float64{}
	for range rounds {
		for what, name := range names {
			crowd(t, name) // since the garbage collection empties every sync.Pool
			all[what] = append(all[what], crowd(t, name))
		}
	}
	alone, without, with := median(all["alone"]), median(all["without"]), median(all["with"])
	t.Logf("objects of a read: %.2f alone, %.2f in a batch, %.2f there with a hook; %d batches, %d calls",
		alone, without, with, batches.Load(), calls.Load())
	if without > mostOfALoneRead*alone {
		t.Errorf("a read in a batch allocates %.2f objects, want at most %.2f of the %.2f of one that goes alone", without, mostOfALoneRead, alone)
	}
	if with-without > mostObjectsOfAHookTogether {
		t.Errorf("a hook costs %.2f objects, want at most %d", with-without, mostObjectsOfAHookTogether)
	}
	if batches.Load() == 0 || batches.Load() > calls.Load()/2 {
		t.Errorf("%d batches carried %d calls", batches.Load(), calls.Load())
	}
}
