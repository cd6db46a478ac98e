// SPDX-License-Identifier: Apache-2.0

// Package retirement proves that no call fails when load balancers, gRPC servers, NATs and firewalls end connections
// that are old, have carried many requests, or have been idle.
//
// $EETCD_FAULT_SECONDS sets how long each kind lasts, 9 by default.
package retirement

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/forward"
	"github.com/eetcd-go/eetcd/test/internal/soak"
)

const (
	callers = 64
	usual   = 9 * time.Second

	age       = time.Second      // of a connection, at which it is retired
	grace     = 10 * time.Second // of calls under way then
	requests  = 300              // a few seconds' worth, as the 1000 of nginx are under more load
	idleAfter = 6 * time.Second  // after which a connection is idle; the SDK asks for a sign of life after 5
	rest      = 8 * time.Second  // of all callers between two bursts
)

func TestMain(m *testing.M) {
	onecluster.WaitTogether(4)
	goleak.VerifyTestMain(m)
}

func TestNoCallFailsWhileConnectionsAreRetired(t *testing.T) {
	cluster := etcdtest.Start(t)
	grpcServer := func(params keepalive.ServerParameters) func(*testing.T) front {
		return func(t *testing.T) front {
			s := forward.Start(t, cluster.Member(0).Endpoint(), params)
			return front{s.Endpoint, func() int { return s.Conns() - 1 }}
		}
	}
	balancer := func(retire func(*etcdtest.Balancer)) func(*testing.T) front {
		return func(*testing.T) front {
			b := cluster.Balancer()
			retire(b)
			return front{b.Endpoint(), b.Retired}
		}
	}
	calmServer := grpcServer(keepalive.ServerParameters{})
	calmBalancer := balancer(func(*etcdtest.Balancer) {})
	for name, tc := range map[string]struct{ calm, retiring func(*testing.T) front }{
		"a gRPC server by age": {calmServer, grpcServer(keepalive.ServerParameters{
			MaxConnectionAge: age, MaxConnectionAgeGrace: grace,
		})},
		"a load balancer by age":      {calmBalancer, balancer(func(b *etcdtest.Balancer) { b.RetireAfter(age, grace) })},
		"a load balancer by requests": {calmBalancer, balancer(func(b *etcdtest.Balancer) { b.RetireAfterRequests(requests) })},
	} {
		t.Run(name, func(t *testing.T) {
			without := open(t, tc.calm(t).endpoint).busy(t, soak.Length(t, usual)/4)
			server := tc.retiring(t)
			with := open(t, server.endpoint).busy(t, soak.Length(t, usual))
			t.Logf("%d retirements: %.0f calls a second, %.2f of the %.0f without", server.retired(), with, with/without, without)
			if server.retired() < 2 {
				t.Errorf("only %d connections were retired", server.retired())
			}
		})
	}
}

// front is the server that clients connect to.
type front struct {
	endpoint string
	retired  func() int // how many connections
}

func TestNoCallFailsAfterConnectionsHaveBeenIdle(t *testing.T) {
	cluster := etcdtest.Start(t)
	for name, strike := range map[string]func(b *etcdtest.Balancer){
		"cut":       func(b *etcdtest.Balancer) { b.CutIdle(idleAfter) },
		"retired":   func(b *etcdtest.Balancer) { b.RetireIdle(idleAfter) },
		"refused":   func(b *etcdtest.Balancer) { b.RefuseIdle(idleAfter) },
		"forgotten": func(b *etcdtest.Balancer) { b.ForgetIdle(idleAfter) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := cluster.Balancer()
			strike(b)
			// Health checks would keep the connection from being idle.
			c := open(t, b.Endpoint(), conn.WithHealthCheckInterval(time.Hour))
			c.burst()
			for end := time.Now().Add(soak.Length(t, usual)); time.Now().Before(end); {
				time.Sleep(rest)
				c.burst()
			}
			c.mustHaveSucceeded(t)
		})
	}
}

// TestNoReadFailsAroundTheCutOfAnIdleConnection lets callers come back just before, at and just after the moment of the
// cut, while the next connection may still be under way. A write that was sent at that moment may be lost, with an
// unknown outcome.
func TestNoReadFailsAroundTheCutOfAnIdleConnection(t *testing.T) {
	const idle = time.Second
	cluster := etcdtest.Start(t)
	for name, strike := range map[string]func(b *etcdtest.Balancer){
		"cut":     func(b *etcdtest.Balancer) { b.CutIdle(idle) },
		"retired": func(b *etcdtest.Balancer) { b.RetireIdle(idle) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := cluster.Balancer()
			strike(b)
			c := open(t, b.Endpoint(), conn.WithHealthCheckInterval(time.Hour))
			for offset := -10 * time.Millisecond; offset <= 150*time.Millisecond; offset += 20 * time.Millisecond {
				var all sync.WaitGroup
				for i := range callers {
					all.Go(func() {
						if _, err := kv.Get(context.Background(), c.key(i)); err != nil {
							t.Errorf("read: %v", err)
						}
						_, err := kv.Put(context.Background(), c.key(i).WithValue("v"))
						if err != nil && etcderr.OutcomeOf(err) != etcderr.Unknown {
							t.Errorf("write: %v", err)
						}
					})
				}
				all.Wait()
				time.Sleep(idle + offset)
			}
		})
	}
}

// client is a connection whose callers each write and read their own key.
type client struct {
	base    kv.Request
	name    string
	written [callers]int64 // how often each wrote

	calls, failed atomic.Int64
	first         atomic.Pointer[error] // of those that failed
}

var clients atomic.Int64

func open(t *testing.T, endpoint string, opts ...conn.Option) *client {
	t.Helper()
	// The transport reports a lost call, and a busy machine may take long for any other.
	c := onecluster.Open(t, "", []string{endpoint}, append(opts, conn.WithDefaultTimeout(time.Minute))...)
	return &client{base: kv.New(c.Name()), name: fmt.Sprint(clients.Add(1))}
}

func (c *client) key(i int) kv.Request { return c.base.WithKey(fmt.Sprintf("%s/%d", c.name, i)) }

// call makes a caller write and read once. The version of the key counts its writes, so a comparison with the caller's
// count shows a write that was applied twice. A failed write may have been applied or not.
func (c *client) call(i int) {
	c.calls.Add(2)
	if _, err := kv.Put(context.Background(), c.key(i).WithValue("v")); err != nil {
		c.fail(fmt.Errorf("write: %w", err))
		c.written[i] = -1
	}
	got, err := kv.Get(context.Background(), c.key(i))
	if err != nil {
		c.fail(fmt.Errorf("read: %w", err))
		c.written[i] = -1
		return
	}
	version := int64(0)
	if len(got.GetKvs()) > 0 {
		version = got.GetKvs()[0].GetVersion()
	}
	if known := c.written[i]; known >= 0 && version != known+1 {
		c.fail(fmt.Errorf("a key at version %d is at %d after a write", known, version))
	}
	c.written[i] = version
}

func (c *client) fail(err error) {
	c.failed.Add(1)
	c.first.CompareAndSwap(nil, &err)
}

// mustHaveSucceeded fails unless every call did.
func (c *client) mustHaveSucceeded(t *testing.T) {
	t.Helper()
	if n := c.failed.Load(); n > 0 {
		t.Errorf("%d of %d calls failed, the first: %v", n, c.calls.Load(), *c.first.Load())
	}
}

// busy runs all callers for a time, and returns their calls per second.
func (c *client) busy(t *testing.T, d time.Duration) float64 {
	t.Helper()
	start := time.Now()
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for time.Since(start) < d {
				c.call(i)
			}
		})
	}
	all.Wait()
	c.mustHaveSucceeded(t)
	return float64(c.calls.Load()) / time.Since(start).Seconds()
}

// burst runs every caller once.
func (c *client) burst() {
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { c.call(i) })
	}
	all.Wait()
}
