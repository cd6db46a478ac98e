// SPDX-License-Identifier: Apache-2.0

package resolvers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/resolver"
	"github.com/eetcd-go/eetcd/test/internal/soak"
)

const (
	callers = 64
	// instances live at any time, but for those that are killed: one at a time.
	instances = 4
	ttl       = 2 * time.Second
)

// balanced is what a client needs for that promise: a call that a dying server took is sent again, to another one.
const balanced = `{"loadBalancingConfig":[{"round_robin":{}}],"methodConfig":[{"name":[{}],"retryPolicy":` +
	`{"maxAttempts":5,"initialBackoff":"0.01s","maxBackoff":"0.1s","backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// instance is a gRPC server that registers itself by a connection of its own.
type instance struct {
	server *grpc.Server
	served sync.WaitGroup
	conn   *conn.Conn
	there  *presence.Presence
	addr   string
}

func start(t *testing.T, endpoints []string, g *onecluster.Gate) *instance {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{server: grpc.NewServer(), conn: open(t, endpoints, g.Option()), addr: listener.Addr().String()}
	healthpb.RegisterHealthServer(i.server, health.NewServer())
	i.served.Go(func() { _ = i.server.Serve(listener) })
	c := resolver.New(i.conn.Name()).WithKey(service).WithTimeout(patience)
	if i.there, err = resolver.Register(context.Background(), c, resolver.Instance{Addr: i.addr}, ttl); err != nil {
		t.Fatal(err)
	}
	return i
}

// crash ends an instance without a goodbye: its key stays until its TTL has passed.
func (i *instance) crash() {
	_ = i.conn.Close()
	i.server.Stop()
	i.served.Wait()
}

// leave ends an instance in good order: no new calls, then none at all.
func (i *instance) leave(t *testing.T) {
	limited, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := i.there.Leave(limited); err != nil {
		t.Errorf("leave: %v", err)
	}
	i.server.GracefulStop()
	i.served.Wait()
	_ = i.conn.Close()
}

// TestNoCallFailsWhileServicesAndMembersAreKilled has callers that expect an answer for every call, since most instances live.
func TestNoCallFailsWhileServicesAndMembersAreKilled(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	var g onecluster.Gate // between the instances and etcd
	var all []*instance
	for range instances {
		all = append(all, start(t, cluster.Endpoints(), &g))
	}
	defer func() {
		for _, i := range all {
			i.crash()
		}
	}()
	var watchers onecluster.Gate // between the client and etcd
	watching := open(t, cluster.Endpoints(), watchers.Option())
	l := resolve(t, watching.Name(), resolver.WithKeepLast(0))
	client, err := grpc.NewClient("etcd:///"+service,
		grpc.WithResolvers(resolver.Builder(watching.Name())),
		grpc.WithDefaultServiceConfig(balanced), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	var made, failed atomic.Int64
	var first sync.Once
	calling, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for range callers {
		running.Go(func() {
			for calling.Err() == nil {
				limited, cancel := context.WithTimeout(context.Background(), patience)
				var begun metadata.MD // gRPC does not send a call again whose answer has begun to come
				_, err := healthpb.NewHealthClient(client).Check(limited, &healthpb.HealthCheckRequest{}, grpc.Header(&begun))
				cancel()
				if made.Add(1); err != nil && len(begun) == 0 {
					failed.Add(1)
					first.Do(func() { t.Errorf("a call failed: %v", err) })
				}
				time.Sleep(time.Duration(rand.N(20)) * time.Millisecond)
			}
		})
	}
	counts := map[string]int{}
	for began := time.Now(); time.Since(began) < soak.Length(t, 6*time.Second); {
		n := rand.N(len(all))
		before := made.Load()
		switch what := rand.N(4); what {
		case 0:
			counts["crashes"]++
			all[n].crash()
			all[n] = start(t, cluster.Endpoints(), &g)
		case 1:
			counts["departures"]++
			all[n].leave(t)
			all[n] = start(t, cluster.Endpoints(), &g)
		case 2:
			counts["members killed"]++
			m := cluster.Member(rand.N(3))
			m.Kill()
			m.Restart()
		case 3:
			counts["members paused"]++
			m := cluster.Member(rand.N(3))
			m.Pause()
			time.Sleep(500 * time.Millisecond)
			m.Resume()
		}
		for made.Load() < before+callers { // so that each caller has met it
			time.Sleep(time.Millisecond)
		}
	}
	// replace ends an instance and starts another one. It returns the addresses of all.
	replace := func() (addresses []string) {
		n := rand.N(len(all))
		all[n].leave(t)
		all[n] = start(t, cluster.Endpoints(), &g)
		for _, i := range all {
			addresses = append(addresses, i.addr)
		}
		return addresses
	}
	// The client is cut off while the history that it misses is compacted, and etcd is restored to a copy that knows one instance too
	// many and one too few. Then the whole of etcd goes, and comes back with nothing. Then the instances are cut off from it until
	// their leases are over.
	for _, what := range []func(){
		func() {
			watchers.Cut()
			addresses := replace()
			compact(t, kv.New(all[0].conn.Name()))
			watchers.Open()
			l.await(t, addresses...)
		},
		func() {
			copied := cluster.SaveData()
			addresses := replace()
			cluster.RestoreData(copied)
			l.await(t, addresses...)
		},
		func() {
			for _, m := range cluster.Members() {
				m.Kill()
			}
			time.Sleep(2 * ttl)
			for _, m := range cluster.Members() {
				m.Restart()
			}
		},
		cluster.Wipe,
		func() {
			g.Cut()
			for there := int64(1); there > 0; time.Sleep(10 * time.Millisecond) {
				all, err := kv.Get(t.Context(), kv.New(watching.Name()).WithKey(service+"/").WithPrefix().WithCountOnly().WithTimeout(patience))
				if err != nil {
					t.Fatal(err)
				}
				there = all.GetCount()
			}
			time.Sleep(time.Second)
			g.Open()
		},
	} {
		before := made.Load()
		what()
		for made.Load() < before+callers*10 {
			time.Sleep(time.Millisecond)
		}
	}
	stop()
	running.Wait()
	t.Logf("%d callers made %d calls during %s, a compaction during a cut of the client, a restore, an outage of twice the TTL, a wipe and "+
		"a cut of all services: %d failed", callers, made.Load(), fmt.Sprint(counts)[3:], failed.Load())
}
