// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/clients"
	"github.com/eetcd-go/eetcd/test/internal/soak"
	"github.com/eetcd-go/eetcd/watch"
)

const (
	mib        = 1 << 20
	neighbours = 99
)

// TestSlowReaderCostsOnlyItsBuffer writes many events to a watch that nobody reads, beside 99 others on the connection,
// and then reads them all.
func TestSlowReaderCostsOnlyItsBuffer(t *testing.T) {
	events := 150_000
	if soak.On() {
		events = 1_000_000
	}
	value := strings.Repeat("v", 100)
	cluster := etcdtest.Start(t)
	c := open(t, cluster.Endpoints())

	// The same traffic without a slow watch, to compare the delays of the others.
	alone := delays(t, c, func() { fill(t, c, "alone/", events, value) })

	slow := start(t, c.WithKey("slow/").WithPrefix())
	before := heap()
	var after int
	beside := delays(t, c, func() {
		fill(t, c, "slow/", events, value)
		after = heap()
	})
	grown := after - before
	t.Logf("%d events of %d bytes pass: the heap grows by %.1f MiB, of which the buffer is %d MiB; the other watches get "+
		"theirs after %v (median) and %v (99 %%), beside nobody slow after %v and %v", events, len(value),
		float64(grown)/mib, watch.DefaultBuffer/mib, beside.median, beside.p99, alone.median, alone.p99)
	if limit := watch.DefaultBuffer + 8*mib; grown > limit {
		t.Errorf("the heap grows by %d bytes, want at most %d", grown, limit)
	}
	if beside.missed+alone.missed > 0 {
		t.Errorf("the other watches missed %d and %d events", beside.missed, alone.missed)
	}

	began := time.Now()
	seen := make([]bool, events)
	var rev int64
	n := 0
	stuck := time.AfterFunc(5*time.Minute, func() { _ = slow.Close() })
	defer stuck.Stop()
	for event, err := range slow.Events() {
		if err != nil {
			t.Fatalf("after %d events: %v", n, err)
		}
		i, err := strconv.Atoi(strings.TrimPrefix(string(event.Kv.Key), "slow/"))
		if err != nil || seen[i] || event.Kv.ModRevision < rev {
			t.Fatalf("event %d is %s at revision %d after %d, seen before: %v", n, event.Kv.Key, event.Kv.ModRevision, rev, seen[i])
		}
		seen[i], rev = true, event.Kv.ModRevision
		if n++; n == events {
			break
		}
	}
	if n != events {
		t.Errorf("%d of %d events came", n, events)
	}
	t.Logf("then it reads all of them, in %v", time.Since(began).Round(time.Millisecond))

	if !testing.Verbose() {
		return // the rest makes a figure only
	}
	t.Logf("the heap of clientv3 for the same unread watch grows by %.1f MiB", float64(unreadByClientV3(t, cluster, c, events, value))/mib)
}

type delay struct {
	median, p99 time.Duration
	missed      int
}

// delays runs something beside 99 watches, whose keys are written now and then. It returns how long after the answer to
// a write its watch has the event.
func delays(t *testing.T, c ctx.Ctx, something func()) delay {
	t.Helper()
	var mu sync.Mutex
	var taken []time.Duration
	written := make([]map[string]time.Time, neighbours)
	got := make([]int, neighbours)
	var watchers []*watch.Watcher
	var readers sync.WaitGroup
	for i := range neighbours {
		written[i] = map[string]time.Time{}
		w := start(t, c.WithKey(fmt.Sprintf("neighbour/%02d", i)))
		watchers = append(watchers, w)
		readers.Go(func() {
			for event, err := range w.Events() {
				if err != nil {
					t.Errorf("a neighbour: %v", err)
					return
				}
				now := time.Now()
				mu.Lock()
				if at, ok := written[i][string(event.Kv.Value)]; ok {
					taken = append(taken, max(0, now.Sub(at)))
				}
				got[i]++
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	sent := 0
	var writer sync.WaitGroup
	writer.Go(func() {
		for ; ; sent++ {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
			i, value := sent%neighbours, fmt.Sprint(sent)
			mu.Lock()
			written[i][value] = time.Now() // the write is yet to be answered, so the delay is rather overstated
			mu.Unlock()
			if _, err := kv.Put(t.Context(), c.WithKey(fmt.Sprintf("neighbour/%02d", i)).WithValue(value)); err != nil {
				t.Errorf("a neighbour's write: %v", err)
				return
			}
		}
	})
	something()
	close(done)
	writer.Wait()
	total := func() int {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, g := range got {
			n += g
		}
		return n
	}
	for deadline := time.Now().Add(10 * time.Second); total() < sent && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	for _, w := range watchers {
		_ = w.Close()
	}
	readers.Wait()
	slices.Sort(taken)
	d := delay{missed: sent - total()}
	if n := len(taken); n > 0 {
		d.median, d.p99 = taken[n/2].Round(10*time.Microsecond), taken[n*99/100].Round(10*time.Microsecond)
	}
	return d
}

// unreadByClientV3 returns by how much an unread watch of clientv3 grows the heap.
func unreadByClientV3(t *testing.T, cluster *etcdtest.Cluster, c ctx.Ctx, events int, value string) int {
	t.Helper()
	client := clients.OpenClientV3(t, cluster.Endpoints()...)
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	channel := client.Watch(parent, "theirs/", clientv3.WithPrefix())
	if _, err := client.Put(parent, "theirs/first", ""); err != nil {
		t.Fatal(err)
	}
	<-channel // it is there
	before := heap()
	fill(t, c, "theirs/", events, value)
	time.Sleep(2 * time.Second) // for what is still under way
	grown := heap() - before
	for received := 0; received < events; {
		select {
		case r, ok := <-channel:
			if !ok || r.Err() != nil {
				t.Logf("clientv3's watch ended after %d events: %v", received, r.Err())
				return grown
			}
			received += len(r.Events)
		case <-time.After(time.Minute):
			t.Logf("clientv3's watch delivered %d of %d events", received, events)
			return grown
		}
	}
	return grown
}
