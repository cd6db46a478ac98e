// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// TestWatchesCreatedAtOnceThroughTheProxyGetTheirOwnEvents creates many watches at the same time, again and again. The
// proxy chooses their IDs and answers in any order.
func TestWatchesCreatedAtOnceThroughTheProxyGetTheirOwnEvents(t *testing.T) {
	const rounds, writes = 20, 3
	for _, watches := range []int{24, 200} {
		t.Run(fmt.Sprint(watches), func(t *testing.T) {
			cluster := etcdtest.Start(t)
			proxy := cluster.GRPCProxy()
			c, direct := open(t, []string{proxy.Endpoint()}), open(t, cluster.Endpoints())
			for round := range rounds {
				key := func(i int) string { return fmt.Sprintf("%d/%d", round, i) }
				all := make([]*watch.Watcher, watches)
				var opening sync.WaitGroup
				for i := range watches {
					opening.Go(func() {
						w, err := watch.Watch(t.Context(), c.WithKey(key(i)).WithTimeout(time.Minute))
						if err != nil {
							t.Errorf("round %d, watch %d: %v", round, i, err)
						}
						all[i] = w
					})
				}
				opening.Wait()
				if t.Failed() {
					return
				}
				var writing sync.WaitGroup
				for n := range writes {
					for i := range watches {
						writing.Go(func() {
							if _, err := kv.Put(t.Context(), direct.WithKey(key(i)).WithValue(fmt.Sprint(n))); err != nil {
								t.Errorf("put: %v", err)
							}
						})
					}
					writing.Wait()
				}
				wrong := 0
				for i, w := range all {
					var got, want []string
					stuck := time.AfterFunc(20*time.Second, func() { _ = w.Close() })
					for event, err := range w.Events() {
						if err != nil {
							t.Fatalf("round %d, watch %d: %v", round, i, err)
						}
						if got = append(got, fmt.Sprintf("%s=%s", event.Kv.Key, event.Kv.Value)); len(got) == writes {
							break
						}
					}
					stuck.Stop()
					for n := range writes {
						want = append(want, fmt.Sprintf("%s=%d", key(i), n))
					}
					if !slices.Equal(got, want) {
						if wrong++; wrong <= 3 {
							t.Errorf("round %d: the watch of %s got %v", round, key(i), got)
						}
					}
					_ = w.Close()
				}
				if t.Failed() {
					t.Fatalf("%d of %d watches are wrong", wrong, watches)
				}
				if !proxy.Alive() {
					t.Fatal("the proxy has died")
				}
			}
		})
	}
}

// TestCatchingUpThroughTheProxySkipsNoEvent follows a long history beside a watch of the same keys that is in step. The
// proxy tends to merge the two before it has sent the history.
func TestCatchingUpThroughTheProxySkipsNoEvent(t *testing.T) {
	const revisions = 5000
	cluster := etcdtest.Start(t)
	c := open(t, []string{cluster.GRPCProxy().Endpoint()})
	r, err := kv.Put(t.Context(), c.WithKey("first").WithValue(""))
	if err != nil {
		t.Fatal(err)
	}
	from := r.Header.Revision + 1
	var writing sync.WaitGroup
	for i := range 10 {
		writing.Go(func() {
			for range revisions / 10 {
				if _, err := kv.Put(t.Context(), c.WithKey(fmt.Sprintf("k/%d", i)).WithValue("")); err != nil {
					t.Errorf("put: %v", err)
					return
				}
			}
		})
	}
	writing.Wait()
	prefix := c.WithKey("k/").WithPrefix()
	inStep := start(t, prefix)
	if _, err := kv.Put(t.Context(), c.WithKey("k/last").WithValue("")); err != nil {
		t.Fatal(err)
	}
	for range inStep.Events() {
		break
	}
	behind := start(t, prefix.WithStartRevision(from))
	stuck := time.AfterFunc(30*time.Second, func() { _ = behind.Close() })
	defer stuck.Stop()
	next := from
	for event, err := range behind.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kv.ModRevision != next {
			t.Fatalf("revision %d follows %d", event.Kv.ModRevision, next-1)
		}
		if next++; next == from+revisions+1 {
			return
		}
	}
	t.Errorf("stuck after revision %d of %d", next-1, from+revisions)
}
