// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/soak"
	"github.com/eetcd-go/eetcd/watch"
)

// backlog writes n values of at least a size, one to a revision, and returns the first revision. It repeats what a busy
// server did not finish in time.
func backlog(t *testing.T, c ctx.Ctx, n, size int) (from int64) {
	t.Helper()
	r, err := kv.Put(t.Context(), c.WithKey("first").WithValue(""))
	if err != nil {
		t.Fatal(err)
	}
	value := strings.Repeat("v", size)
	var left atomic.Int64
	left.Store(int64(n))
	var writing sync.WaitGroup
	for i := range 8 {
		writing.Go(func() {
			for left.Add(-1) >= 0 && !t.Failed() {
				_, err := kv.Put(t.Context(), c.WithKey(fmt.Sprint("k/", i)).WithValue(value).WithTimeout(time.Minute))
				switch {
				case errors.Is(err, etcderr.ErrTimeout):
					left.Add(1)
				case err != nil:
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	writing.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return r.Header.Revision + 1
}

// follow reads n consecutive revisions, each taking a while, and returns how long that took.
func follow(t *testing.T, w *watch.Watcher, from int64, n int, each time.Duration) time.Duration {
	t.Helper()
	stuck := time.AfterFunc(time.Minute, func() { _ = w.Close() })
	defer stuck.Stop()
	began, next := time.Now(), from
	for event, err := range w.Events() {
		if err != nil {
			t.Fatalf("after %d events: %v", next-from, err)
		}
		if event.Kv.ModRevision != next {
			t.Fatalf("revision %d follows %d", event.Kv.ModRevision, next-1)
		}
		stuck.Reset(time.Minute)
		time.Sleep(each)
		if next++; next == from+int64(n) {
			return time.Since(began)
		}
	}
	t.Fatalf("stuck after %d of %d events", next-from, n)
	return 0
}

// TestBacklogOfASlowReaderIsSentAtMostTwice lets a reader with the default buffer and one without a bound catch up with
// the same history.
func TestBacklogOfASlowReaderIsSentAtMostTwice(t *testing.T) {
	const size = 100_000
	events := 500 // twelve times the buffer
	if soak.On() {
		events = 5000
	}
	cluster := etcdtest.Start(t, etcdtest.WithProxy())
	m := cluster.Member(0)
	c := open(t, cluster.Endpoints())
	from := backlog(t, c, events, size)
	prefix := c.WithKey("k/").WithPrefix().WithStartRevision(from)
	unbounded := start(t, prefix, watch.WithBuffer(1<<30))
	fastest := follow(t, unbounded, from, events, time.Millisecond)
	_ = unbounded.Close()

	before := m.Sent()
	took := follow(t, start(t, prefix), from, events, time.Millisecond)
	sent := m.Sent() - before
	t.Logf("%d events of %d bytes: %d MB received, in %v; without a bound in %v", events, size, sent/1e6, took, fastest)
	if sent > int64(events)*size*22/10 {
		t.Errorf("%d bytes received", sent)
	}
}

// TestLargeBacklogWithPreviousValuesIsDelivered reads parts that are each about as large as the buffer.
func TestLargeBacklogWithPreviousValuesIsDelivered(t *testing.T) {
	events := 40
	if soak.On() {
		events = 800
	}
	cluster := etcdtest.Start(t, etcdtest.WithProxy())
	m := cluster.Member(0)
	c := open(t, cluster.Endpoints())
	const size = 1_400_000
	from := backlog(t, c, events, size)
	before := m.Sent()
	w := start(t, c.WithKey("k/").WithPrefix().WithStartRevision(from).WithPrevKV().WithFragment())
	took := follow(t, w, from, events, 10*time.Millisecond)
	sent := m.Sent() - before
	t.Logf("%d events of %d bytes: %d MB received, in %v", events, size, sent/1e6, took)
	if sent > 2*int64(events)*size*22/10 {
		t.Errorf("%d bytes received", sent)
	}
}
