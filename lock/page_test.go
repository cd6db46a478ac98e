// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/lock"
)

// pages answers the first requests of each method with a page, as a load balancer does that reloads its configuration. The checks of
// the connection pass.
type pages struct {
	first int

	mu   sync.Mutex
	seen map[string]int
}

func (p *pages) answer(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, "/etcdserverpb.Maintenance/") || strings.HasPrefix(r.URL.Path, "/grpc.health") {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[r.URL.Path]++
	if p.seen[r.URL.Path] > p.first {
		return false
	}
	http.NotFound(w, r)
	return true
}

// passed reports an error until a request of the method has passed.
func (p *pages) passed(method string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.seen[method]; n <= p.first {
		return fmt.Errorf("%d requests of %s", n, method)
	}
	return nil
}

func TestPagesOfALoadBalancerEndNoWaitForALock(t *testing.T) {
	shared, err := conn.Lookup(registry)
	if err != nil {
		t.Fatal(err)
	}
	box := &pages{first: 3, seen: map[string]int{}}
	through := onecluster.Open(t, "", []string{onecluster.Proxy(t, shared.Info()[0].Address, box.answer)})
	c := named(t)
	release, holder := make(chan struct{}), make(chan error, 1)
	go func() {
		holder <- lock.Do(t.Context(), c, time.Minute, func(context.Context, lock.Held) error {
			<-release
			return nil
		})
	}()
	await(t, 1)
	waiter := make(chan error, 1)
	go func() {
		waiter <- lock.Do(t.Context(), c.WithConn(through.Name()), time.Minute, func(held context.Context, _ lock.Held) error {
			return held.Err()
		})
	}()
	onecluster.Eventually(t, 20*time.Second, "the other one waits", func() error {
		select {
		case err := <-waiter:
			close(release)
			t.Fatalf("the wait ended while the lock is held: %v", err)
		default:
		}
		return box.passed("/etcdserverpb.Watch/Watch")
	})
	close(release)
	for _, ended := range []chan error{waiter, holder} {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
