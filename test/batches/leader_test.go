// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// tripsTo counts the trips that go to each endpoint.
type tripsTo struct {
	mu    sync.Mutex
	count map[string]int
}

func (n *tripsTo) OnAttempt(_ context.Context, a conn.AttemptInfo) func(conn.AttemptResult) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.Riders != nil {
		n.count[a.Endpoint]++
	}
	return nil
}

// TestTripsGoToTheLeaderUnlessItIsBusy has some members answer later than others, by more than a busy machine would make them.
func TestTripsGoToTheLeaderUnlessItIsBusy(t *testing.T) {
	const later = 50 * time.Millisecond // each way
	for name, tt := range map[string]struct {
		delayed  func(leads bool) bool
		toLeader func(led, all int) bool
	}{
		"the leader is free": {func(leads bool) bool { return !leads }, func(led, all int) bool { return 4*led > 3*all }},
		"the leader is busy": {func(leads bool) bool { return leads }, func(led, all int) bool { return 2*led < all }},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
			for {
				leader := cluster.Leader()
				for _, m := range cluster.Members() {
					m.Delay(0)
					if tt.delayed(m == leader) {
						m.Delay(later)
					}
				}
				trips := &tripsTo{count: map[string]int{}}
				c := onecluster.Open(t, "", cluster.Endpoints(), conn.WithHooks(trips))
				atOnce(readers, func(int) (last answer) {
					for range 100 {
						if last = get(t.Context(), c, "key"); last.err != nil {
							t.Error(last.err)
						}
					}
					return last
				})
				if cluster.Leader() != leader {
					continue // what was counted is not that of one leader
				}
				led, all := trips.count[leader.Endpoint()], 0
				for _, n := range trips.count {
					all += n
				}
				t.Logf("%d of %d trips went to the leader", led, all)
				if all < 50 || !tt.toLeader(led, all) {
					t.Errorf("%d of %d trips went to the leader", led, all)
				}
				return
			}
		})
	}
}
