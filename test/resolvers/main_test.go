// SPDX-License-Identifier: Apache-2.0

// Package resolvers proves what a gRPC client may expect of package resolver while services and etcd members fail, and that it
// and etcd's own naming client read each other.
package resolvers

import (
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/resolver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what has to come about sooner or later. It is generous, because a machine may be busy.
const patience = 2 * time.Minute

const service = "services/billing"

// open opens a connection that is closed with the test, if it is not before.
func open(t *testing.T, endpoints []string, opts ...conn.Option) *conn.Conn {
	t.Helper()
	return onecluster.Open(t, "", endpoints, opts...)
}

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
