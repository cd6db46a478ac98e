// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/lease"
)

// counting counts the streams of renewals that are opened.
func counting(streams *atomic.Int64) conn.Option {
	return conn.WithDialOptions(grpc.WithStreamInterceptor(func(parent context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn,
		method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		if strings.HasSuffix(method, "/LeaseKeepAlive") {
			streams.Add(1)
		}
		return open(parent, desc, cc, method, opts...)
	}))
}

// etcd's gRPC proxy answers with the renewals of its own client, when those are due and in any order.
func TestLeasesAreKeptAliveThroughAProxy(t *testing.T) {
	for name, ttls := range map[string][]time.Duration{
		"one": {4 * time.Second},
		"many": {3 * time.Second, 5 * time.Second, 10 * time.Second, time.Minute, 3 * time.Second, 5 * time.Second,
			3 * time.Second, 4 * time.Second, 30 * time.Second, 4 * time.Second, 10 * time.Second, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t)
			proxy := cluster.GRPCProxy()
			var streams atomic.Int64
			c, err := conn.Open(t.Context(), "", []string{proxy.Endpoint()}, counting(&streams))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			request := lease.New(c.Name())
			keepers := make([]*lease.Keeper, 2*len(ttls))
			var starting sync.WaitGroup // the proxy takes half a second for each first renewal
			for i := range keepers {
				id := grant(t, request, ttls[i%len(ttls)])
				starting.Go(func() {
					var err error
					if keepers[i], err = lease.KeepAlive(t.Context(), request, id); err != nil {
						t.Error(err)
					}
				})
			}
			if starting.Wait(); t.Failed() {
				return
			}
			time.Sleep(min(slices.Max(ttls), 10*time.Second) + time.Second)
			for _, k := range keepers {
				if ended(t, k) {
					t.Errorf("a lease of %v ended with %v", k.TTL(), k.Err())
				} else if _, err := lease.TimeToLive(t.Context(), request, k.ID(), false); err != nil {
					t.Errorf("a lease of %v is kept, but %v", k.TTL(), err)
				}
			}
			if n := streams.Load(); n > 5 {
				t.Errorf("%d streams were opened", n)
			}

			k := keepers[0]
			if _, err := lease.KeepAliveOnce(t.Context(), request, k.ID()); err != nil {
				t.Errorf("KeepAliveOnce: %v", err)
			}
			if _, err := lease.Revoke(t.Context(), request, k.ID()); err != nil {
				t.Fatal(err)
			}
			within(t, k, k.TTL())
			if err := k.Err(); !errors.Is(err, etcderr.ErrLeaseNotFound) {
				t.Errorf("a revoked lease ended with %v", err)
			}
			if _, err := lease.KeepAlive(t.Context(), request, k.ID()); !errors.Is(err, etcderr.ErrLeaseNotFound) {
				t.Errorf("KeepAlive of it: %v", err)
			}
		})
	}
}

func TestLeasesSurviveTheRestartOfAProxy(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	proxy := cluster.GRPCProxy()
	c, err := conn.Open(t.Context(), "", []string{proxy.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := lease.New(c.Name())
	var keepers []*lease.Keeper
	for range 20 {
		keepers = append(keepers, keep(t, request, grant(t, request, 15*time.Second)))
	}
	for range 2 {
		proxy.Kill()
		time.Sleep(time.Second)
		proxy.Restart()
		back := time.Now()
		for _, k := range keepers {
			if !renewedAfter(k, back) {
				t.Errorf("lease %d ended with %v", k.ID(), k.Err())
			}
		}
	}
}
