// SPDX-License-Identifier: Apache-2.0

// Package resolvers proves what a gRPC client may expect of package resolver while services and etcd members fail, and that it
// and etcd's own naming client read each other.
package resolvers

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/resolver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what has to come about sooner or later. It is generous, because a machine may be busy.
const patience = 2 * time.Minute

const service = "services/billing"

// open opens a connection that is closed with the test, if it is not before.
func open(t *testing.T, endpoints []string, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(t.Context(), "", endpoints, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, conn.ErrClosed) {
			t.Error(err)
		}
	})
	return c
}

// gate shuts a connection out of its network.
type gate struct {
	shut  atomic.Bool
	mu    sync.Mutex
	conns []net.Conn
}

var errShut = errors.New("shut out by the test")

func (g *gate) option() conn.Option {
	return conn.WithDialOptions(grpc.WithContextDialer(func(parent context.Context, target string) (net.Conn, error) {
		if g.shut.Load() {
			return nil, errShut
		}
		c, err := (&net.Dialer{}).DialContext(parent, "tcp", target)
		if err == nil {
			g.mu.Lock()
			g.conns = append(g.conns, c)
			g.mu.Unlock()
		}
		return c, err
	}))
}

func (g *gate) close() {
	g.shut.Store(true)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

func (g *gate) open() { g.shut.Store(false) }

// lists is what a resolver tells gRPC.
type lists struct {
	grpcresolver.ClientConn
	mu      sync.Mutex
	newest  []string
	empties int
	errs    []error
	changed chan struct{}
}

// resolve resolves the service until the end of the test.
func resolve(t *testing.T, connection string, opts ...resolver.Option) *lists {
	t.Helper()
	l := &lists{changed: make(chan struct{})}
	target := grpcresolver.Target{URL: url.URL{Scheme: resolver.Scheme, Path: "/" + service}}
	r, err := resolver.Builder(connection, opts...).Build(target, l, grpcresolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return l
}

func (l *lists) UpdateState(s grpcresolver.State) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest = nil
	for _, e := range s.Endpoints {
		l.newest = append(l.newest, e.Addresses[0].Addr)
	}
	if len(l.newest) == 0 {
		l.empties++
	}
	slices.Sort(l.newest)
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

func (l *lists) ReportError(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// await waits for a list of exactly these addresses, and returns when it came.
func (l *lists) await(t *testing.T, addresses ...string) time.Time {
	t.Helper()
	slices.Sort(addresses)
	late := time.After(patience)
	for {
		l.mu.Lock()
		newest, changed := l.newest, l.changed
		l.mu.Unlock()
		if slices.Equal(newest, addresses) {
			return time.Now()
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("the list is %v, want %v", newest, addresses)
		}
	}
}
