// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"context"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/watch"
)

// TestNamespaceBehindTheGRPCProxyHasExactlyItsKeys writes beside a namespace too, and the proxy joins the watches of both.
func TestNamespaceBehindTheGRPCProxyHasExactlyItsKeys(t *testing.T) {
	whole, err := conn.Open(t.Context(), "", []string{servers.GRPCProxy().Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	namespaceOf(t, whole, "behind", "behind/")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	w := world{t, ctx, "behind", "behind/", whole.Name(), nil}
	outside, err := watch.Watch(ctx, watch.New(whole.Name()).WithKey("behind").WithPrefix())
	w.must(err)
	inside, err := watch.Watch(ctx, watch.New("behind").WithPrefix())
	w.must(err)
	from, err := watch.Watch(ctx, watch.New("behind").WithKey("m").WithFromKey())
	w.must(err)
	all, err := table.Follow(ctx, table.New("behind").WithPrefix(), table.String)
	w.must(err)
	defer all.Close()
	for _, key := range []string{"behind", "behind/", "behind0"} { // beside the namespace
		_, err := kv.Put(ctx, kv.New(whole.Name()).WithKey(key))
		w.must(err)
	}
	w.put("a", "z")
	for _, tt := range []struct {
		w    *watch.Watcher
		want []string
	}{
		{outside, []string{"behind", "behind/", "behind0", "behind/a", "behind/z"}}, {inside, []string{"a", "z"}}, {from, []string{"z"}},
	} {
		n := 0
		for e, err := range tt.w.Events() {
			w.must(err)
			if got := string(e.GetKv().GetKey()); got != tt.want[n] {
				t.Errorf("event %d is of %q, want one of %q", n, got, tt.want)
			}
			if n++; n == len(tt.want) {
				break
			}
		}
		if n < len(tt.want) {
			t.Errorf("there are %d events of %q", n, tt.want)
		}
	}
	for all.Snapshot().Len() < 2 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	w.must(lock.Do(ctx, lock.New("behind").WithName("jobs"), 10*time.Second, func(held context.Context, l lock.Held) error {
		w.wantStored("", "a", l.Key, "z")
		return nil
	}))
	w.wantStored("", "a", "z")
}
