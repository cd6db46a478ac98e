// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

// TestWatchesOnKineGetTheirOwnEvents watches on a server that refuses a client's IDs, and filters nothing.
func TestWatchesOnKineGetTheirOwnEvents(t *testing.T) {
	const watches, writes = 10, 3
	k := etcdtest.StartKine(t)
	c := open(t, []string{k.Endpoint()})
	var all []*watch.Watcher
	for i := range watches {
		all = append(all, start(t, c.WithKey(fmt.Sprint("k/", i)).WithFilterDelete()))
	}
	for n := range writes {
		for i := range watches {
			createOrUpdate(t, c, fmt.Sprint("k/", i), fmt.Sprint(n))
		}
	}
	for i, w := range all {
		stuck := time.AfterFunc(20*time.Second, func() { _ = w.Close() })
		n := 0
		for event, err := range w.Events() {
			if err != nil || string(event.Kv.Key) != fmt.Sprint("k/", i) || string(event.Kv.Value) != fmt.Sprint(n) || event.PrevKv != nil {
				t.Fatalf("watch %d: %v, %v", i, event, err)
			}
			if n++; n == writes {
				break
			}
		}
		stuck.Stop()
		if n != writes {
			t.Errorf("watch %d got %d events", i, n)
		}
	}
}

// createOrUpdate writes in the only way that kine accepts: guarded by the key's revision.
func createOrUpdate(t *testing.T, c ctx.Ctx, key, value string) {
	t.Helper()

	there, err := kv.Get(t.Context(), c.WithKey(key))
	if err != nil {
		t.Fatal(err)
	}
	rev := int64(0)
	if len(there.Kvs) > 0 {
		rev = there.Kvs[0].ModRevision
	}
	r, err := kv.Txn(t.Context(), c, op.If(compare.New(key).ModRevision(compare.Equal, rev)).
		Then(op.Put(kv.Key(key).WithValue(value))).Else(op.Get(kv.Key(key))))
	if err != nil || !r.Succeeded {
		t.Fatalf("write %s: %v, %v", key, r, err)
	}
}
