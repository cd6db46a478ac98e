// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// retiring makes a member retire its connections at that age by a graceful GOAWAY, as load balancers do.
func retiring(age time.Duration) grpc.ServerOption {
	return grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: age})
}

// heard collects the calls of a state listener.
type heard struct {
	mu  sync.Mutex
	all []conn.Endpoint
}

func (h *heard) option() conn.Option {
	return conn.WithStateListener(func(e conn.Endpoint) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.all = append(h.all, e)
	})
}

func (h *heard) events() []conn.Endpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]conn.Endpoint(nil), h.all...)
}

func TestRetiredConnectionsAreReplacedWithoutAChangeOfState(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a", retiring(time.Second))
				var told heard
				c := openFake(t, []*member{a}, told.option(), conn.WithMode(mode))
				stream, err := pb.NewWatchClient(c).Watch(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for range 2000 {
					time.Sleep(5 * time.Millisecond)
					synctest.Wait()
					if e := c.Info()[0]; e.State != conn.Active || e.Err != nil {
						t.Fatalf("a member that retires its connections: %+v", e)
					}
					if _, err := get(t.Context(), c); err != nil {
						t.Fatalf("a read: %v", err)
					}
					if _, err := put(t.Context(), c); err != nil {
						t.Fatalf("a write: %v", err)
					}
				}
				if got := told.events(); len(got) != 1 || got[0].State != conn.Active {
					t.Errorf("the listener heard %+v, want Active once", got)
				}
				if n := a.Dials.Load(); n < 9 || n > 13 {
					t.Errorf("%d connections in 10 s that last a second each", n)
				}
				if _, err := stream.Recv(); err != nil {
					t.Errorf("the stream's answer: %v", err)
				}
				if err := stream.Context().Err(); err != nil {
					t.Errorf("a stream on a retired connection ended: %v", err)
				}
			})
		})
	}
}

// openStream opens a stream on a member and takes its first message.
func openStream(t *testing.T, c *conn.Conn, m *member) engine.Stream {
	t.Helper()
	opened, err := c.NewStream(t.Context(), &pb.Watch_ServiceDesc.Streams[0], pb.Watch_Watch_FullMethodName, conn.OnEndpoint(m.Name+":1"))
	if err != nil {
		t.Fatal(err)
	}
	stream := opened.(engine.Stream)
	if err := stream.RecvMsg(new(pb.WatchResponse)); err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestDoubtEndsAStreamOnARetiredConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a", retiring(time.Second))
		c := openFake(t, []*member{a})
		stream := openStream(t, c, a)
		time.Sleep(3 * time.Second)
		probes := a.Probes.Load()
		stream.Doubt()
		if err := stream.RecvMsg(new(pb.WatchResponse)); err == nil {
			t.Error("the stream goes on")
		}
		if n := a.Probes.Load() - probes; n != 0 {
			t.Errorf("%d checks of the next connection, which nobody doubts", n)
		}
		if s := states(c)["a:1"]; s != conn.Active {
			t.Errorf("the endpoint is %v", s)
		}
	})
}

// A server that stops retires its connections, accepts no new ones, and waits for its streams.
func TestStreamOnARetiredConnectionEndsWhenTheRedialFails(t *testing.T) {
	for name, disrupt := range map[string]func(*member){
		"no leader":              func(m *member) { m.Leader.Store(0) },
		"silent":                 (*member).Pause,
		"no further connections": (*member).Refuse,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a", retiring(time.Second)), newMember(t, "b")
				c := openFake(t, []*member{a, b})
				stream := openStream(t, c, a)
				ended := make(chan error, 1)
				go func() { ended <- stream.RecvMsg(new(pb.WatchResponse)) }()
				time.Sleep(100 * time.Millisecond)
				disrupt(a)
				time.Sleep(5 * time.Second)
				if s := states(c)["a:1"]; s != conn.Frozen {
					t.Errorf("the endpoint is %v", s)
				}
				select {
				case <-ended:
				default:
					t.Error("the stream goes on")
				}
				stream.Abort()
			})
		})
	}
}

func TestEndpointThatDropsItsConnectionsIsRedialledAtOnceButNotInABusyLoop(t *testing.T) {
	for name, tt := range map[string]struct {
		mode     conn.Mode
		used     bool // a call is made on each connection
		atLeast  int64
		atMost   int64
		listener int
	}{
		"each was of use":              {conn.ConnectAll, true, 1000, 1001, 1},
		"none was":                     {conn.ConnectAll, false, 50, 120, 1},
		"each was of use, mode Random": {conn.Random, true, 1000, 1001, 1},
		"none was, mode Random":        {conn.Random, false, 50, 120, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				var told heard
				c := openFake(t, []*member{a}, told.option(), conn.WithMode(tt.mode))
				for start := time.Now(); time.Since(start) < time.Second; time.Sleep(time.Millisecond) {
					synctest.Wait()
					if states(c)["a:1"] != conn.Active {
						t.Fatalf("got %+v", c.Info())
					}
					if tt.used {
						if _, err := get(t.Context(), c); err != nil {
							t.Fatalf("a read: %v", err)
						}
					}
					a.Drop()
				}
				if n := a.Dials.Load(); n < tt.atLeast || n > tt.atMost {
					t.Errorf("%d connections in a second of drops, want %d to %d", n, tt.atLeast, tt.atMost)
				}
				if got := told.events(); len(got) != 1 {
					t.Errorf("the listener heard %+v", got)
				}
			})
		})
	}
}

func TestConnectionThatBreaksDuringACheckIsRedialledAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		var breaks atomic.Bool
		a.AnswerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
			if breaks.CompareAndSwap(true, false) {
				a.Drop()
			}
			return healthpb.HealthCheckResponse_SERVING, nil
		})
		var told heard
		c := openFake(t, []*member{a}, told.option(), conn.WithHealthCheckInterval(time.Second))
		const times = 100
		for range times {
			breaks.Store(true)
			for breaks.Load() {
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
			if states(c)["a:1"] != conn.Active {
				t.Fatalf("got %+v", c.Info())
			}
		}
		if n := a.Dials.Load(); n != 1+times {
			t.Errorf("%d connections, want %d", n, 1+times)
		}
		if got := told.events(); len(got) != 1 {
			t.Errorf("the listener heard %+v", got)
		}
	})
}

func TestRandomMovesOnFromAnEndpointThatDropsEachConnectionUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		a.Refuse()
		c := openFake(t, []*member{a, b}, conn.WithMode(conn.Random)) // b
		a.Restore()
		for start := time.Now(); states(c)["a:1"] != conn.Active; time.Sleep(time.Millisecond) {
			if time.Since(start) > time.Second {
				t.Fatalf("after a second of drops: %+v", c.Info())
			}
			b.Drop()
			synctest.Wait()
		}
		if _, err := get(t.Context(), c); err != nil {
			t.Errorf("a read: %v", err)
		}
	})
}
