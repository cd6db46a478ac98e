// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/resolver"
)

// registry is the connection to the cluster that the tests share.
const registry = "registry"

func TestMain(m *testing.M) { onecluster.Main(m, registry, nil) }

// patience bounds what has to come about sooner or later. It is generous, because a machine may be busy.
const patience = 60 * time.Second

// ttl is long enough for no lease to run out in a test.
const ttl = time.Minute

// serve starts a gRPC server and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// register registers an instance until the end of the test.
func register(t *testing.T, connection, service string, i resolver.Instance) *presence.Presence {
	t.Helper()
	c := resolver.New(connection).WithKey(service).WithTimeout(patience)
	p, err := resolver.Register(context.Background(), c, i, ttl)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		done, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Leave(done)
	})
	return p
}

// put writes a value under the name of a service as it is.
func put(t *testing.T, connection, service, name, value string) {
	t.Helper()
	c := kv.New(connection).WithKey(service + "/" + name).WithValue(value).WithTimeout(patience)
	if _, err := kv.Put(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, connection, service string) {
	t.Helper()
	c := kv.New(connection).WithKey(service + "/").WithPrefix().WithTimeout(patience)
	if _, err := kv.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func encode(t *testing.T, i resolver.Instance) string {
	t.Helper()
	encoded, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

const roundRobin = `{"loadBalancingConfig":[{"round_robin":{}}]}`

// client is a gRPC client of a service.
type client struct {
	t    *testing.T
	conn *grpc.ClientConn
}

func dial(t *testing.T, connection, service string, opts ...resolver.Option) client {
	t.Helper()
	return dialWith(t, resolver.Builder(connection, opts...), service)
}

func dialWith(t *testing.T, b grpcresolver.Builder, service string, opts ...grpc.DialOption) client {
	t.Helper()
	c, err := grpc.NewClient("etcd:///"+service, append(opts,
		grpc.WithResolvers(b),
		grpc.WithDefaultServiceConfig(roundRobin),
		grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return client{t, c}
}

// call makes a call and returns the address of the server that answered.
func (c client) call(opts ...grpc.CallOption) (string, error) {
	limited, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var at peer.Peer
	_, err := healthpb.NewHealthClient(c.conn).Check(limited, &healthpb.HealthCheckRequest{}, append(opts, grpc.Peer(&at))...)
	if err != nil {
		return "", err
	}
	return at.Addr.String(), nil
}

// reaches waits until the calls go to exactly these servers.
func (c client) reaches(addresses ...string) {
	c.t.Helper()
	want := slices.Sorted(slices.Values(addresses))
	var got []string
	var err error
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		reached := map[string]bool{}
		for range 4 * len(addresses) {
			var at string
			if at, err = c.call(); err == nil {
				reached[at] = true
			}
		}
		if got = slices.Sorted(maps.Keys(reached)); slices.Equal(got, want) {
			return
		}
	}
	c.t.Fatalf("calls reach %v, want %v; the last error is %v", got, want, err)
}

// failure waits until a call fails, and returns its error.
func (c client) failure() error {
	c.t.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		if _, err := c.call(); err != nil {
			return err
		}
	}
	c.t.Fatal("calls go on to succeed")
	return nil
}

// open opens a connection of the test's own.
func open(t *testing.T, name string, endpoints []string) *conn.Conn {
	t.Helper()
	return onecluster.Open(t, name, endpoints)
}

// endpoints returns those of the cluster that the tests share.
func endpoints(t *testing.T) (list []string) {
	t.Helper()
	c, err := conn.Lookup(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.Info() {
		list = append(list, e.Address)
	}
	return list
}
