// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// tellingTime is how long a watch may take to detect that the store has gone back: a health interval and 2 s.
const tellingTime = 17 * time.Second

func write(t *testing.T, c ctx.Ctx, key string, n int) (last int64) {
	t.Helper()
	for i := range n {
		r, err := kv.Put(t.Context(), c.WithKey(key).WithValue(fmt.Sprint(i)).WithTimeout(20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		last = r.Header.Revision
	}
	return last
}

// TestEveryWatchDetectsARewoundStore replaces the data behind the addresses of a cluster.
func TestEveryWatchDetectsARewoundStore(t *testing.T) {
	restore := func(c *etcdtest.Cluster, d *etcdtest.Data) { c.RestoreData(d) }
	for _, tt := range []struct {
		name   string
		size   int
		proxy  bool
		goBack func(*etcdtest.Cluster, *etcdtest.Data)
		then   int // writes before the client is back
	}{
		{"restored", 1, false, restore, 0},
		{"restored, and past the revision again", 1, false, restore, 200},
		{"three members restored", 3, false, restore, 0},
		{"wiped", 1, false, func(c *etcdtest.Cluster, _ *etcdtest.Data) { c.Wipe() }, 0},
		{"another cluster", 1, false, func(c *etcdtest.Cluster, _ *etcdtest.Data) { c.Replace() }, 0},
		{"another cluster, at a higher revision", 1, false, func(c *etcdtest.Cluster, _ *etcdtest.Data) { c.Replace() }, 200},
		{"restored behind a proxy", 1, true, restore, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cluster := etcdtest.Start(t, etcdtest.WithSize(tt.size))
			endpoints := cluster.Endpoints()
			if tt.proxy {
				endpoints = []string{cluster.GRPCProxy().Endpoint()}
			}
			var g onecluster.Gate
			to, err := conn.Open(t.Context(), "", endpoints, g.Option())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = to.Close() })
			c, other := kv.New(to.Name()), open(t, cluster.Endpoints())
			write(t, other, "k", 10)
			copied := cluster.SaveData()
			all := []*watch.Watcher{
				start(t, c.WithKey("k")), start(t, c.WithKey("k").WithPrefix()), start(t, c.WithKey("quiet")),
				start(t, c.WithKey("full").WithPrefix(), watch.WithBuffer(1)),
			}
			write(t, other, "full", 10)
			last := write(t, other, "k", 50)
			for event, err := range all[0].Events() {
				if err != nil {
					t.Fatal(err)
				}
				if event.Kv.ModRevision == last {
					break
				}
			}

			g.Shut()
			tt.goBack(cluster, copied)
			write(t, other, "k", max(tt.then, 1))
			g.Open()
			if err := to.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for i, w := range all {
				select {
				case <-w.Done():
				case <-time.After(tellingTime - time.Since(began)):
				}
				var rewound *watch.RewoundError
				if !errors.As(w.Err(), &rewound) || rewound.Revision == 0 {
					t.Errorf("watch %d: %v after %v", i, w.Err(), time.Since(began))
					_ = w.Close()
				}
				for event, err := range w.Events() {
					if err == nil && i < 3 && event.Kv.ModRevision > last {
						t.Errorf("watch %d got revision %d of the new history", i, event.Kv.ModRevision)
					}
				}
			}
			t.Logf("all have told after %v", time.Since(began).Round(time.Millisecond))
			fresh := start(t, c.WithKey("k"))
			last = write(t, other, "k", 1)
			for event, err := range fresh.Events() {
				if err != nil || event.Kv.ModRevision != last {
					t.Errorf("a new watch: %v, %v", event, err)
				}
				break
			}
		})
	}
}

// TestLaggingFollowerIsNotTakenForARewoundStore delays what a follower gets from its peers during many writes. So it has a leader,
// and serves, but knows nothing of the newest revisions.
func TestLaggingFollowerIsNotTakenForARewoundStore(t *testing.T) {
	const revisions, writers = 10_000, 32
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c := open(t, cluster.Endpoints())
	follower := cluster.Member(0)
	if cluster.Leader() == follower {
		follower = cluster.Member(1)
	}
	var rest []string
	for _, m := range cluster.Members() {
		if m != follower {
			rest = append(rest, m.Endpoint())
		}
	}
	writer := open(t, rest)
	var all []*watch.Watcher
	for i := range 30 {
		key := c.WithKey("k")
		if i%3 == 0 {
			key = key.WithEndpoint(follower.Endpoint())
		}
		all = append(all, start(t, key))
	}
	cluster.DelayPeers(follower, time.Hour) // as much as the test takes: the delay grows with time
	var writing sync.WaitGroup
	var enough atomic.Bool
	for i := range writers {
		writing.Go(func() {
			for !enough.Load() && !t.Failed() {
				if _, err := kv.Put(t.Context(), writer.WithKey(fmt.Sprint("busy/", i)).WithValue("").WithTimeout(time.Minute)); err != nil {
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	newest, own := writer.WithKey("k"), c.WithKey("k").WithSerializable().WithEndpoint(follower.Endpoint())
	lag := int64(0)
	for began := time.Now(); lag < revisions && time.Since(began) < 3*time.Minute; time.Sleep(100 * time.Millisecond) {
		now, err := kv.Get(t.Context(), newest.WithTimeout(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if at, err := kv.Get(t.Context(), own); err == nil {
			lag = now.GetHeader().GetRevision() - at.GetHeader().GetRevision()
		}
	}
	enough.Store(true)
	writing.Wait()
	if lag < revisions {
		t.Errorf("the follower lags by %d revisions only", lag)
	}
	for range 3 { // the watches come to the follower and find what they know missing
		follower.Cut()
		time.Sleep(50 * time.Millisecond)
		follower.Heal()
		write(t, writer, "k", 1)
	}
	cluster.DelayPeers(follower, 0)
	for i := range 20 { // whatever streams come and go meanwhile
		write(t, writer, "k", 1)
		if i%5 == 0 {
			follower.Cut()
			time.Sleep(50 * time.Millisecond)
			follower.Heal()
		}
	}
	last := write(t, writer, "k", 1)
	for i, w := range all {
		stuck := time.AfterFunc(30*time.Second, func() { _ = w.Close() })
		rev := int64(0)
		for event, err := range w.Events() {
			if err != nil {
				t.Fatalf("watch %d ended: %v", i, err)
			}
			if rev = event.Kv.ModRevision; rev == last {
				break
			}
		}
		stuck.Stop()
		if rev != last {
			t.Fatalf("watch %d is stuck at %d of %d", i, rev, last)
		}
	}
}

// TestWatchWithoutAnEventNoticesAStoreThatOvertookIt has no event to compare. The new history has one before the position of the watch.
func TestWatchWithoutAnEventNoticesAStoreThatOvertookIt(t *testing.T) {
	for _, put := range []bool{true, false} {
		t.Run(map[bool]string{true: "put", false: "deletion"}[put], func(t *testing.T) {
			cluster := etcdtest.Start(t)
			var g onecluster.Gate
			to, err := conn.Open(t.Context(), "", cluster.Endpoints(), g.Option())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = to.Close() })
			other := open(t, cluster.Endpoints())
			if !put {
				write(t, other, "quiet", 1)
			}
			w := start(t, kv.New(to.Name()).WithKey("quiet"))
			copied := cluster.SaveData()
			last := write(t, other, "k", 100)
			for began := time.Now(); w.Status().Rev < last; time.Sleep(10 * time.Millisecond) {
				if time.Since(began) > 30*time.Second {
					t.Fatalf("the watch is at %d of %d", w.Status().Rev, last)
				}
			}
			g.Shut()
			cluster.RestoreData(copied)
			if put {
				write(t, other, "quiet", 1)
			} else if _, err := kv.Delete(t.Context(), other.WithKey("quiet")); err != nil {
				t.Fatal(err)
			}
			write(t, other, "k", 200)
			g.Open()
			var rewound *watch.RewoundError
			select {
			case <-w.Done():
			case <-time.After(tellingTime):
			}
			if !errors.As(w.Err(), &rewound) || rewound.Revision == 0 {
				t.Errorf("it says %v, and is at %+v", w.Err(), w.Status())
			}
		})
	}
}
