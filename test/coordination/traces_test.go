// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
)

// tries is how often a call gives up at each point.
const tries = 10

// TestCallThatTimesOutOnASlowLinkLeavesNothing lets calls run out of time while one of their requests is on its way:
// the grant of the lease, its first renewal, the put of the key, the wait.
func TestCallThatTimesOutOnASlowLinkLeavesNothing(t *testing.T) {
	const delay = 50 * time.Millisecond // each way
	for kind, by := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t, etcdtest.WithProxy())
			c := open(t, cluster)
			take := by(longTTL)
			held := make(chan struct{})
			give := make(chan struct{})
			var holder = make(chan error, 1)
			go func() {
				holder <- take(t.Context(), c.WithName(queue), func(context.Context, compare.Compare, int64) error {
					close(held)
					<-give
					return nil
				})
			}()
			<-held
			cluster.Member(0).Delay(delay)
			var points sync.WaitGroup
			for _, after := range []time.Duration{delay, 3 * delay, 5 * delay, 8 * delay} {
				points.Go(func() {
					for range tries {
						err := take(t.Context(), c.WithName(queue).WithTimeout(after), func(context.Context, compare.Compare, int64) error {
							t.Error("it has run")
							return nil
						})
						if !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("after %v: %v", after, err)
						}
					}
				})
			}
			points.Wait()
			cluster.Member(0).Delay(0)
			awaitLeases(t, c, 1)
			awaitKeys(t, c, queue, 1)
			close(give)
			if err := <-holder; err != nil {
				t.Error(err)
			}
			awaitLeases(t, c, 0)
			awaitKeys(t, c, queue, 0)
		})
	}
}

// awaitLeases waits until there are n leases. It waits less than the TTL, after which they would expire by themselves.
func awaitLeases(t *testing.T, c ctx.Ctx, n int) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		all, err := lease.Leases(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if len(all.GetLeases()) == n {
			return
		}
		if time.Since(began) > longTTL/4 {
			t.Errorf("%d leases are there, want %d", len(all.GetLeases()), n)
			return
		}
	}
}

// TestTimedOutCallLeavesNoKeyUnderTheCallersLease does the same under leases that live on.
func TestTimedOutCallLeavesNoKeyUnderTheCallersLease(t *testing.T) {
	const delay = 50 * time.Millisecond // each way
	for kind, wait := range map[string]func(ctx.Ctx) error{
		"lock":     func(c ctx.Ctx) error { _, err := lock.Lock(t.Context(), c); return err },
		"election": func(c ctx.Ctx) error { _, err := election.Campaign(t.Context(), c.WithValue("v")); return err },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t, etcdtest.WithProxy())
			c := open(t, cluster)
			n := neighbours{c: c}
			holder, err := lock.Acquire(t.Context(), c.WithName(queue).WithLease(n.lease(t)))
			if err != nil {
				t.Fatal(err)
			}
			points := []time.Duration{delay, 3 * delay, 5 * delay, 8 * delay}
			leases := make([][tries / 2]int64, len(points))
			for i := range leases {
				for j := range leases[i] {
					leases[i][j] = n.lease(t)
				}
			}
			cluster.Member(0).Delay(delay)
			var all sync.WaitGroup
			for i, after := range points {
				all.Go(func() {
					for _, id := range leases[i] {
						if err := wait(c.WithName(queue).WithLease(id).WithTimeout(after)); !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("after %v: %v", after, err)
						}
					}
				})
			}
			all.Wait()
			cluster.Member(0).Delay(0)
			awaitKeys(t, c, queue, 1)
			if left := keysBelow(t, c, queue); string(left[0].GetKey()) != holder.Key {
				t.Errorf("left is %v, not that of the holder", left)
			}
		})
	}
}
