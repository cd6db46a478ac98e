// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/authpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// TestWatchesOfOneRangeThroughTheProxyMissNothing begins watches of a range that cannot be widened at different
// revisions of a long history, beside one that is in step. The proxy merges watches of one range, and loses events
// then.
func TestWatchesOfOneRangeThroughTheProxyMissNothing(t *testing.T) {
	const revisions, rounds = 2500, 3
	for _, tt := range []struct {
		name     string
		from, to string // the user's permission; none: root
		key      func(i int) string
		watched  func(ctx.Ctx) ctx.Ctx
	}{
		{"all keys", "", "", func(i int) string { return fmt.Sprint("k/", i%50) }, func(c ctx.Ctx) ctx.Ctx { return c.WithKey("").WithPrefix() }},
		{"all that the user may read", "k/", "k0", func(i int) string { return fmt.Sprint("k/", i%50) }, func(c ctx.Ctx) ctx.Ctx { return c.WithKey("k/").WithPrefix() }},
		{"the one key that the user may read", "k/", "", func(int) string { return "k/" }, func(c ctx.Ctx) ctx.Ctx { return c.WithKey("k/") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cluster := etcdtest.Start(t)
			proxy := cluster.GRPCProxy()
			admin := open(t, cluster.Endpoints())
			var credentials []conn.Option
			if tt.from != "" {
				credentials = append(credentials, conn.WithCredentials("user", "secret"))
				admin = confine(t, cluster, admin, tt.from, tt.to)
			}
			head := write(t, admin, tt.key(0), 1)
			first := head
			var writing sync.WaitGroup
			for i := range 10 {
				writing.Go(func() { write(t, admin, tt.key(i), revisions/10) })
			}
			writing.Wait()
			head += revisions
			for round := range rounds {
				var all []*watch.Watcher
				begin := func(c ctx.Ctx, from int64) {
					if from > 0 {
						c = c.WithStartRevision(from)
					}
					all = append(all, start(t, tt.watched(c)))
				}
				c, other := openAs(t, proxy, credentials...), openAs(t, proxy, credentials...)
				begin(c, 0)
				starts := []int64{head + 1, first, first + 1000, first + 1700, first + 2}
				begin(c, starts[1])
				begin(other, starts[2])
				begin(c, starts[3])
				begin(other, starts[4])
				time.Sleep(time.Second) // for what the proxy does behind the back of the watches
				head = write(t, admin, tt.key(0), 1)
				for i, w := range all {
					stuck := time.AfterFunc(30*time.Second, func() { _ = w.Close() })
					next := starts[i]
					for event, err := range w.Events() {
						if err != nil {
							t.Fatal(err)
						}
						if event.Kv.ModRevision != next {
							t.Fatalf("round %d, watch from %d: revision %d came where %d was due", round, starts[i], event.Kv.ModRevision, next)
						}
						if next++; next > head {
							break
						}
					}
					stuck.Stop()
					if next <= head {
						t.Fatalf("round %d, watch from %d: stuck before revision %d of %d", round, starts[i], next, head)
					}
					_ = w.Close()
				}
			}
		})
	}
}

// confine makes a user who may read only one range, and returns a request bound to root's connection.
func confine(t *testing.T, cluster *etcdtest.Cluster, c ctx.Ctx, from, to string) ctx.Ctx {
	t.Helper()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range []string{"root", "user"} {
		must(auth.UserAdd(t.Context(), c, user, "secret"))
		must(auth.RoleAdd(t.Context(), c, user))
		must(auth.UserGrantRole(t.Context(), c, user, user))
	}
	must(auth.RoleGrantPermission(t.Context(), c, "user", from, to, authpb.Permission_READ))
	must(auth.Enable(t.Context(), c))
	root, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithCredentials("root", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return kv.New(root.Name())
}

func openAs(t *testing.T, proxy *etcdtest.GRPCProxy, opts ...conn.Option) ctx.Ctx {
	t.Helper()
	c, err := conn.Open(t.Context(), "", []string{proxy.Endpoint()}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return kv.New(c.Name())
}
