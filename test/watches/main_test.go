// SPDX-License-Identifier: Apache-2.0

// Package watches proves the guarantees of watches: under faults, in quiet times, and with readers that are slow or
// many.
package watches

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, endpoints []string) ctx.Ctx {
	t.Helper()
	return kv.New(onecluster.Open(t, "", endpoints).Name())
}

func start(t *testing.T, c ctx.Ctx, opts ...watch.Option) *watch.Watcher {
	t.Helper()
	w, err := watch.Watch(context.WithoutCancel(t.Context()), c, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// fill writes n events under a prefix, a hundred to a revision, from several writers. Each key is written once.
func fill(t *testing.T, c ctx.Ctx, prefix string, n int, value string) {
	t.Helper()
	const perTxn, writers = 100, 8
	var next atomic.Int64
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for {
				from := int(next.Add(perTxn)) - perTxn
				if from >= n || t.Failed() {
					return
				}
				var ops []op.Op
				for i := from; i < min(from+perTxn, n); i++ {
					ops = append(ops, op.Put(kv.Key(fmt.Sprintf("%s%07d", prefix, i)).WithValue(value)))
				}
				if _, err := kv.Txn(t.Context(), c.WithTimeout(30*time.Second), op.If().Then(ops...)); err != nil {
					t.Errorf("filling: %v", err)
				}
			}
		})
	}
	all.Wait()
}

// heap returns the memory in use after a garbage collection.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
