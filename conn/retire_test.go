// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// Load balancers retire connections all the time. No call fails for that, even with patience 0.
func TestNoCallFailsOnConnectionsThatABalancerRetires(t *testing.T) {
	byRequests := func(n int) func(*etcdtest.Balancer) { return func(b *etcdtest.Balancer) { b.RetireAfterRequests(n) } }
	for name, tt := range map[string]struct {
		mode   conn.Mode
		retire func(*etcdtest.Balancer)
	}{
		"by age":                       {conn.ConnectAll, func(b *etcdtest.Balancer) { b.RetireAfter(200*time.Millisecond, 10*time.Second) }},
		"by requests":                  {conn.ConnectAll, byRequests(100)},
		"by few requests":              {conn.ConnectAll, byRequests(7)}, // half of which are checks
		"by few requests, mode Random": {conn.Random, byRequests(7)},
	} {
		t.Run(name, func(t *testing.T) {
			b := etcdtest.Start(t).Balancer()
			tt.retire(b)
			var told heard
			c := open(t, "", []string{b.Endpoint()}, told.option(), conn.WithPatience(0), conn.WithMode(tt.mode))
			var callers sync.WaitGroup
			var reads, writes atomic.Int64
			began := time.Now()
			goOn := func() bool {
				took := time.Since(began)
				return took < 1500*time.Millisecond || b.Retired() < 3 && took < time.Minute // it may be a slow machine
			}
			for i := range 16 {
				callers.Go(func() {
					for n := int64(1); goOn(); n++ {
						r, err := pb.NewKVClient(c).Put(t.Context(), &pb.PutRequest{Key: fmt.Appendf(nil, "k%d", i), PrevKv: true})
						if err != nil {
							t.Errorf("a write: %v", err)
							return
						}
						if v := r.GetPrevKv().GetVersion(); v != n-1 {
							t.Errorf("write %d of k%d was applied at version %d", n, i, v+1)
							return
						}
						writes.Add(1)
						if _, err := get(t.Context(), c); err != nil {
							t.Errorf("a read: %v", err)
							return
						}
						reads.Add(1)
					}
				})
			}
			callers.Wait()
			if got := told.events(); len(got) != 1 {
				t.Errorf("the listener heard %+v", got)
			}
			if b.Retired() < 3 {
				t.Errorf("%d connections were retired", b.Retired())
			}
			t.Logf("%d reads, %d writes, %d connections retired", reads.Load(), writes.Load(), b.Retired())
		})
	}
}

// Each connection carries one request, which is a check.
func TestOpenWorksOnABalancerThatRetiresEachConnectionAtOnce(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		b := etcdtest.Start(t).Balancer()
		b.RetireAfterRequests(1)
		open(t, "", []string{b.Endpoint()}, conn.WithMode(mode))
	}
}

func TestNoReadFailsOnConnectionsThatAreCutWhenIdle(t *testing.T) {
	b := etcdtest.Start(t).Balancer()
	c := open(t, "", []string{b.Endpoint()})
	b.CutIdle(50 * time.Millisecond)
	began := time.Now()
	for range 50 {
		time.Sleep(60 * time.Millisecond) // then the connection is cut, or being made again
		if _, err := get(t.Context(), c); err != nil {
			t.Errorf("a read: %v", err)
		}
	}
	t.Logf("50 reads 60 ms apart took %v", time.Since(began))
}
