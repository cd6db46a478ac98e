// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/lock"
)

const (
	handoverRounds = 12
	inLine         = 8
)

// baton times the way of a lock from its release by one holder to the next holder.
type baton struct {
	mu       sync.Mutex
	released time.Time
	took     []time.Duration
}

func (b *baton) taken() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.released.IsZero() {
		b.took = append(b.took, time.Since(b.released))
	}
}

func (b *baton) give() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = time.Now()
}

// TestLockGoesToTheNextHolderAsFastAsWithClientv3 prints how long that takes beside etcd's own client, in turn on one
// cluster.
func TestLockGoesToTheNextHolderAsFastAsWithClientv3(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	n := neighbours{c: open(t, cluster)}
	etcd, err := clientv3.New(clientv3.Config{Endpoints: cluster.Endpoints(), Context: t.Context()})
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Close()
	held := n.c.WithName(queue)
	ways := []struct {
		name string
		take func(b *baton, hold func()) error
		all  []time.Duration
	}{
		{name: "lock.Do", take: func(b *baton, hold func()) error {
			return lock.Do(t.Context(), held, longTTL, func(context.Context, lock.Held) error {
				b.taken()
				hold()
				b.give()
				return nil
			})
		}},
		{name: "lock.Acquire", take: func(b *baton, hold func()) error {
			l, err := lock.Acquire(t.Context(), held.WithLease(n.lease(t)))
			if err != nil {
				return err
			}
			b.taken()
			hold()
			b.give()
			return l.Release(t.Context())
		}},
		{name: "clientv3", take: func(b *baton, hold func()) error {
			session, err := concurrency.NewSession(etcd)
			if err != nil {
				return err
			}
			defer session.Close()
			mutex := concurrency.NewMutex(session, queue)
			if err := mutex.Lock(t.Context()); err != nil {
				return err
			}
			b.taken()
			hold()
			b.give()
			return mutex.Unlock(t.Context())
		}},
	}
	for range handoverRounds {
		for i := range ways {
			var b baton
			var all sync.WaitGroup
			start := make(chan struct{})
			for at := range inLine {
				all.Go(func() {
					if err := ways[i].take(&b, func() { <-start }); err != nil {
						t.Error(err)
					}
				})
				awaitKeys(t, n.c, queue, at+1)
			}
			time.Sleep(20 * time.Millisecond) // until the last one watches too
			close(start)
			all.Wait()
			ways[i].all = append(ways[i].all, b.took...)
		}
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmedian\t90 %\tmost\t")
	median := map[string]time.Duration{}
	for _, way := range ways {
		slices.Sort(way.all)
		at := func(percent int) time.Duration { return way.all[(len(way.all)-1)*percent/100].Round(time.Microsecond) }
		median[way.name] = at(50)
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\t\n", way.name, at(50), at(90), at(100))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("from the release of a lock to its next holder, %d times each:\n%s", len(ways[0].all), &table)
	for _, name := range []string{"lock.Do", "lock.Acquire"} {
		if limit := median["clientv3"] * 3 / 2; median[name] > limit {
			t.Errorf("%s takes %v in the median, clientv3 %v", name, median[name], median["clientv3"])
		}
	}
}
