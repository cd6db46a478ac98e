// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// TestQuietWatchDoesNotFallBehindCompaction has a watch without events survive the loss of its member after the history
// since its creation is gone.
func TestQuietWatchDoesNotFallBehindCompaction(t *testing.T) {
	const revisions, writers = 50_000, 64
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c := open(t, cluster.Endpoints())
	w := start(t, c.WithKey("quiet/").WithPrefix())

	var left, rev atomic.Int64
	left.Store(revisions)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for left.Add(-1) >= 0 && !t.Failed() {
				r, err := kv.Put(t.Context(), c.WithKey(fmt.Sprintf("busy/%d", i)).WithValue("v"))
				if err != nil {
					t.Errorf("put: %v", err)
					return
				}
				for old := rev.Load(); r.Header.Revision > old && !rev.CompareAndSwap(old, r.Header.Revision); old = rev.Load() {
				}
			}
		})
	}
	all.Wait()
	awaitRev(t, w, rev.Load())
	if _, err := kv.Compact(t.Context(), c.WithRev(rev.Load())); err != nil {
		t.Fatal(err)
	}

	// Each member is lost, by a cut or a kill, so the watch loses its own.
	for i, m := range cluster.Members() {
		if i%2 == 0 {
			m.Cut()
		} else {
			m.Kill()
		}
		key := fmt.Sprintf("quiet/%d", i)
		// A repeated write would be a second event.
		if _, err := kv.Put(t.Context(), c.WithKey(key).WithValue("v").WithTimeout(30*time.Second)); err != nil {
			t.Logf("put %s: %v", key, err)
			continue
		}
		found := false
		stuck := time.AfterFunc(30*time.Second, func() { _ = w.Close() })
		for event, err := range w.Events() {
			if err != nil {
				t.Fatalf("after the loss of %s: %v", m.Name(), err)
			}
			if found = string(event.Kv.Key) == key; found {
				break
			}
		}
		stuck.Stop()
		if !found {
			t.Fatalf("after the loss of %s: nothing came within 30 s", m.Name())
		}
		if i%2 == 0 {
			m.Heal()
		} else {
			m.Restart()
		}
		time.Sleep(time.Second)
	}
}

// awaitRev waits until a watch has everything up to a revision.
func awaitRev(t *testing.T, w *watch.Watcher, rev int64) {
	t.Helper()
	for late := time.Now().Add(2 * time.Minute); w.Status().Rev < rev; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("the watch stands at revision %d of %d: %v", w.Status().Rev, rev, w.Err())
		}
	}
}
