// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
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
	most := func(led, all int) bool { return 4*led > 3*all }
	for name, tt := range map[string]struct {
		delayed  func(leads bool) bool
		panics   int32 // of the first trips
		toLeader func(led, all int) bool
	}{
		"the leader is free":        {func(leads bool) bool { return !leads }, 0, most},
		"the leader is busy":        {func(leads bool) bool { return leads }, 0, func(led, all int) bool { return 2*led < all }},
		"two of the trips panicked": {func(leads bool) bool { return !leads }, 2, most}, // they must not count as under way
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
				opts := []conn.Option{conn.WithHooks(trips)}
				if tt.panics > 0 {
					opts = append(opts, conn.WithBatching(), panicking(tt.panics))
				}
				c := onecluster.Open(t, "", cluster.Endpoints(), opts...)
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

// panicking has an interceptor panic with the first n trips.
func panicking(n int32) conn.Option {
	var trips atomic.Int32
	return conn.WithDialOptions(grpc.WithUnaryInterceptor(func(
		parent context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		if method == pb.KV_Txn_FullMethodName && trips.Add(1) <= n {
			panic("an interceptor's")
		}
		return invoke(parent, method, args, reply, cc, opts...)
	}))
}

// TestReadsOutliveTheIsolationOfTheLeader cuts the leader off from its peers, not from its clients. Until it steps down it is well by its own
// word, and holds the trips. Meanwhile the others refuse reads, since the leader has changed.
func TestReadsOutliveTheIsolationOfTheLeader(t *testing.T) {
	const callers = 8
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	// A check at the right time would take the leader out of service.
	c := onecluster.Open(t, "", cluster.Endpoints(), conn.WithDefaultTimeout(long), conn.WithHealthCheckInterval(time.Hour))
	over := make(chan struct{})
	var reading sync.WaitGroup
	var reads atomic.Int32
	for range callers {
		reading.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if got := get(t.Context(), c, "key"); got.err != nil {
					t.Error(got.err)
				}
				reads.Add(1)
			}
		})
	}
	more := func(what string) {
		enough := reads.Load() + 1000
		onecluster.Eventually(t, long, what, func() error {
			if n := reads.Load(); n < enough {
				return fmt.Errorf("%d are missing", enough-n)
			}
			return nil
		})
	}
	more("reads")
	cluster.Partition(cluster.Leader())
	more("reads after the isolation")
	close(over)
	reading.Wait()
	cluster.HealPartition()
}
