// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/watch"
)

const (
	lateBy   = 4 * time.Second // longer than the SDK waits for one member to answer a put
	takers   = 12
	lateRuns = 10 // until a put has come late
)

// TestLatePutsBlockNoContender takes locks while one member gets its requests late, and releases them through the
// others meanwhile. Each request that the member gets late puts a key under a lease that lives on.
func TestLatePutsBlockNoContender(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c := open(t, cluster)
	late := 0
	for run := 0; run < lateRuns && late == 0; run++ {
		name := fmt.Sprint(queue, run, "/")
		from := revision(t, c)
		takeAndGiveBack(t, cluster, c, name)
		// A put is applied only if the key does not exist. So each one beyond the first came after the release of the
		// lock.
		late = puts(t, c, name, from) - takers
		t.Logf("%d locks were taken and given back, and %d puts came after that", takers, late)
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			left, err := kv.Get(t.Context(), c.WithKey(name).WithPrefix())
			if err == nil && left.GetCount() == 0 {
				break
			}
			if time.Since(began) > 20*time.Second {
				t.Fatalf("left behind: %v, %v", left.GetKvs(), err)
			}
		}
	}
	if late == 0 {
		t.Error("no put came late, so this shows nothing")
	}
}

// takeAndGiveBack takes and releases locks while the requests to a member are delayed. It returns when they have
// arrived.
func takeAndGiveBack(t *testing.T, cluster *etcdtest.Cluster, c ctx.Ctx, name string) {
	victim := followerOf(t, cluster)
	leases := make([]int64, takers)
	bases := make([]ctx.Ctx, takers) // connections that do not know yet that the member is slow
	for i := range takers {
		answer, err := lease.Grant(t.Context(), c, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		leases[i], bases[i] = answer.GetID(), open(t, cluster)
	}
	victim.Delay(lateBy)
	defer victim.Delay(0)
	sent := time.Now()
	var callers sync.WaitGroup
	for i, id := range leases {
		callers.Go(func() {
			held, err := lock.Acquire(t.Context(), bases[i].WithName(fmt.Sprint(name, i)).WithLease(id))
			if err != nil {
				t.Error(err)
				return
			}
			releasing, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := held.Release(releasing); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	time.Sleep(time.Until(sent.Add(2 * lateBy)))
}

// puts counts the puts below a name since a revision.
func puts(t *testing.T, c ctx.Ctx, name string, since int64) (n int) {
	t.Helper()
	end := c.WithKey(name + "end")
	put, err := kv.Put(t.Context(), end)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Delete(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	w, err := watch.Watch(t.Context(), c.WithKey(name).WithPrefix().WithStartRevision(since+1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for e, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if e.GetKv().GetModRevision() >= put.GetHeader().GetRevision() {
			break
		}
		if e.GetType() == mvccpb.Event_PUT {
			n++
		}
	}
	return n
}
