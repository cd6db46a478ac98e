// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
)

// TestContendersTakeTurnsThroughAProxy has some contenders behind etcd's gRPC proxy and others directly at a member.
func TestContendersTakeTurnsThroughAProxy(t *testing.T) {
	cluster := etcdtest.Start(t)
	straight := open(t, cluster)
	to, err := conn.Open(t.Context(), "", []string{cluster.GRPCProxy().Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	proxied := kv.New(to.Name())
	for kind, by := range kinds {
		t.Run(kind, func(t *testing.T) {
			var all sync.WaitGroup
			var mu sync.Mutex
			var revs []int64
			for id := range contenders {
				c := []ctx.Ctx{straight, proxied}[id%2].WithName(kind)
				all.Go(func() {
					for range 5 {
						err := by(longTTL)(t.Context(), c.WithTimeout(patience), func(held context.Context, _ compare.Compare, rev int64) error {
							mu.Lock()
							defer mu.Unlock()
							revs = append(revs, rev)
							return held.Err()
						})
						if err != nil {
							t.Errorf("contender %d: %v", id, err)
						}
					}
				})
			}
			all.Wait()
			if len(revs) != 5*contenders || !slices.IsSorted(revs) {
				t.Errorf("the turns were those of %d", revs)
			}
			awaitKeys(t, straight, kind, 0)
			awaitLeases(t, straight, 0)
		})
	}
	t.Run("permits", func(t *testing.T) {
		const permits = 2
		var all sync.WaitGroup
		for id := range contenders {
			c := []ctx.Ctx{straight, proxied}[id%2].WithName(queue).WithTimeout(patience)
			all.Go(func() {
				for range 5 {
					err := lock.Semaphore(t.Context(), c, permits, longTTL, func(held context.Context, l lock.Held) error {
						if n := olderThan(t, straight, l); n >= permits {
							t.Errorf("%d holders or waiters are older than a holder of one of %d permits", n, permits)
						}
						return held.Err()
					})
					if err != nil {
						t.Errorf("contender %d: %v", id, err)
					}
				}
			})
		}
		all.Wait()
		awaitKeys(t, straight, queue, 0)
		awaitLeases(t, straight, 0)
	})
	free := proxied.WithName("free").WithTimeout(10 * time.Second)
	held, err := lock.Try(t.Context(), free, longTTL, func(context.Context, lock.Held) error {
		held, err := lock.Try(t.Context(), free, longTTL, func(context.Context, lock.Held) error { return nil })
		if held || err != nil {
			t.Errorf("a lock that is taken: %t, %v", held, err)
		}
		return nil
	})
	if !held || err != nil {
		t.Errorf("a free lock: %t, %v", held, err)
	}
}
