// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/test/internal/soak"
)

const (
	writerCount = 8
	groups      = 20 // of keys that one transaction writes
	groupSize   = 5
	steady      = 50 // keys that nobody deletes
)

type fault struct {
	name         string
	strike, heal func(*etcdtest.Cluster, *etcdtest.Member)
}

func ofMember(do func(*etcdtest.Member)) func(*etcdtest.Cluster, *etcdtest.Member) {
	return func(_ *etcdtest.Cluster, m *etcdtest.Member) { do(m) }
}

var faults = []fault{
	{"kill", ofMember((*etcdtest.Member).Kill), ofMember((*etcdtest.Member).Restart)},
	{"pause", ofMember((*etcdtest.Member).Pause), ofMember((*etcdtest.Member).Resume)},
	{"cut", ofMember((*etcdtest.Member).Cut), ofMember((*etcdtest.Member).Heal)},
	{"blackhole", ofMember((*etcdtest.Member).Blackhole), ofMember((*etcdtest.Member).Heal)},
	{"partition", (*etcdtest.Cluster).Partition, func(c *etcdtest.Cluster, _ *etcdtest.Member) { c.HealPartition() }},
}

// write writes until life ends: groups of keys that are put or deleted together, and keys whose lease expires. It waits for the
// last answer, because a write that is given up may be applied later.
func write(life context.Context, c string, seed uint64) {
	pick := rand.New(rand.NewPCG(seed, 0))
	for n := 0; life.Err() == nil; n++ {
		to, all := kv.New(c).WithTimeout(2*time.Second), context.Background()
		if n%20 == 0 {
			if granted, err := lease.Grant(all, lease.New(c), 2*time.Second); err == nil {
				key := fmt.Sprintf("t/leased/%d", pick.IntN(100))
				_, _ = kv.Put(all, to.WithKey(key).WithValue("brief").WithLease(granted.GetID()))
			}
			continue
		}
		group, value := pick.IntN(groups), fmt.Sprintf("%d of %d", n, seed)
		var ops []op.Op
		for i := range groupSize {
			key := kv.Key(fmt.Sprintf("t/group/%d/%d", group, i))
			if n%5 == 0 {
				ops = append(ops, op.Delete(key))
			} else {
				ops = append(ops, op.Put(key.WithValue(value)))
			}
		}
		_, _ = kv.Txn(all, to, op.If().Then(ops...))
	}
}

// whole checks that a snapshot shows whole transactions, and all the keys that nobody deletes.
func whole(s table.Snapshot[string]) error {
	for group := range groups {
		first, there := s.Get(fmt.Sprintf("t/group/%d/0", group))
		for i := 1; i < groupSize; i++ {
			e, also := s.Get(fmt.Sprintf("t/group/%d/%d", group, i))
			if also != there || e.Value != first.Value || e.ModRev != first.ModRev {
				return fmt.Errorf("at revision %d group %d has %+v and %+v", s.Rev(), group, first, e)
			}
		}
	}
	n := 0
	for range s.Prefix("t/steady/") {
		n++
	}
	if n != steady {
		return fmt.Errorf("at revision %d there are %d of the %d keys that nobody deletes", s.Rev(), n, steady)
	}
	return nil
}

func TestTableIsATrueCopyThroughFaultsAndCompactions(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c, truth := open(t, cluster.Endpoints()), open(t, cluster.Endpoints())
	for i := range steady {
		if _, err := kv.Put(bounded(t), kv.New(c).WithKey(fmt.Sprintf("t/steady/%d", i)).WithValue("steady")); err != nil {
			t.Fatal(err)
		}
	}
	f := follow(t, c)

	life, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer end()
	for i := range writerCount {
		running.Go(func() { write(life, truth, uint64(i)) })
	}
	var looked, compared, compacted, synced atomic.Int64
	var past atomic.Int64 // the newest revision that has been compared
	for range 4 {
		running.Go(func() {
			var last int64
			for life.Err() == nil {
				s := f.Snapshot()
				if err := whole(s); err != nil {
					t.Error(err)
					return
				}
				if s.Rev() < last {
					t.Errorf("revision %d is shown after %d", s.Rev(), last)
				}
				last = s.Rev()
				if looked.Add(1)%50 > 0 {
					time.Sleep(time.Millisecond)
					continue
				}
				want, ok := stored(t, truth, s.Rev())
				if !ok {
					compacted.Add(1)
					continue
				}
				if got := contents(s); !maps.Equal(got, want) {
					t.Errorf("at revision %d the table has %v, the store %v", s.Rev(), got, want)
					return
				}
				compared.Add(1)
				past.Store(s.Rev())
			}
		})
	}
	running.Go(func() {
		for n := 0; life.Err() == nil; n++ {
			want := fmt.Sprint(n)
			if _, err := kv.Put(context.Background(), kv.New(truth).WithKey("t/own").WithValue(want)); err != nil {
				continue // it may have been written or not
			}
			if f.Sync(life) != nil {
				continue
			}
			if e, _ := f.Get("t/own"); e.Value != want {
				t.Errorf("after Sync the table has %q, want %q", e.Value, want)
			}
			synced.Add(1)
			time.Sleep(5 * time.Millisecond)
		}
	})
	told := struct { // what a reader of the changes makes of them
		entries  map[string]string
		complete chan struct{}
	}{map[string]string{}, make(chan struct{})}
	running.Go(func() {
		defer close(told.complete)
		for change := range f.Changes(context.Background()) {
			old, there := told.entries[change.Key()]
			if there != (change.Old != nil) || there && change.Old.Value != old {
				t.Errorf("the reader has %q, %v, and is told %+v", old, there, change)
			}
			if change.New == nil {
				delete(told.entries, change.Key())
			} else {
				told.entries[change.Key()] = change.New.Value
			}
			if change.Key() == "t/z" { // the last one of its revision
				return
			}
		}
	})

	pick := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for over := time.Now().Add(soak.Length(t, 12*time.Second)); time.Now().Before(over); {
		for _, at := range pick.Perm(len(faults)) {
			if fault := faults[at]; time.Now().Before(over) {
				victim := cluster.Member(pick.IntN(3))
				fault.strike(cluster, victim)
				time.Sleep(time.Duration(500+pick.IntN(1000)) * time.Millisecond)
				if rev := past.Load(); rev > 0 {
					_, _ = kv.Compact(life, kv.New(truth).WithTimeout(2*time.Second).WithRev(rev))
				}
				fault.heal(cluster, victim)
			}
		}
	}
	end()
	settle(t, truth)
	again(t, func(within context.Context) error {
		_, err := kv.Put(within, kv.New(truth).WithKey("t/z").WithValue("last"))
		return err
	})
	<-told.complete
	running.Wait()
	equals(t, f, truth)
	for _, have := range []map[string]string{told.entries, contents(f.Snapshot())} {
		// These may expire after the last change.
		maps.DeleteFunc(have, func(key, _ string) bool { return strings.HasPrefix(key, "t/leased/") })
		want, _ := stored(t, truth, 0)
		maps.DeleteFunc(want, func(key, _ string) bool { return strings.HasPrefix(key, "t/leased/") })
		if !maps.Equal(have, want) {
			t.Errorf("a reader has %v, the store %v", have, want)
		}
	}
	t.Logf("%d snapshots, %d compared with the store, %d compacted, %d reads after Sync, %d lists after the first one",
		looked.Load(), compared.Load(), compacted.Load(), synced.Load(), f.Status().Resyncs)
	if compared.Load() == 0 || synced.Load() == 0 {
		t.Error("nothing was compared")
	}
}

// settle waits until nothing has been written for a second: by a request without an answer, or by a lease that expires.
func settle(t *testing.T, c string) {
	t.Helper()
	var rev int64
	for began, since := time.Now(), time.Now(); time.Since(since) < time.Second; time.Sleep(20 * time.Millisecond) {
		again(t, func(within context.Context) error {
			r, err := kv.Get(within, keys(c).WithLimit(1).WithKeysOnly())
			if now := r.GetHeader().GetRevision(); err == nil && now != rev {
				rev, since = now, time.Now()
			}
			return err
		})
		if time.Since(began) > patience {
			t.Fatal("the store does not come to rest")
		}
	}
}
