// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

// TestEachPackageWorksInANamespace runs each package in a namespace in a namespace. Beside its prefix are keys that a mistake would
// reach.
func TestEachPackageWorksInANamespace(t *testing.T) {
	c, etcd := both(t)
	for name, use := range map[string]func(world){
		"kv": useKV, "kv pages": usePages, "many keys": useMany, "op": useTransactions, "watch": useWatch, "lease": useLease, "lock": useLock, "shared lock": useSharedLock,
		"lock of others": useLockOfOthers, "election": useElection, "stm": useSTM, "typed": useTyped, "presence": usePresence,
		"resolver": useResolver, "table": useTable, "etcd's services": useServices,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			outer := "of " + name
			if _, err := etcd.Delete(ctx, outer, clientv3.WithPrefix()); err != nil {
				t.Fatal(err)
			}
			w := world{t, ctx, name, outer + "/tenant/", c.Name(), etcd}
			n := namespaceOf(t, namespaceOf(t, c, outer, outer+"/"), name, "tenant/")
			beside := []string{outer + "/tenant", outer + "/tenant/", outer + "/tenant.", outer + "/tenant0", outer + "/tenants/a"}
			for _, key := range beside {
				_, err := kv.Put(ctx, kv.New(c.Name()).WithKey(key).WithValue("beside"))
				w.must(err)
			}
			use(w)
			for _, key := range beside {
				r, err := kv.Get(ctx, kv.New(c.Name()).WithKey(key))
				w.must(err)
				if len(r.GetKvs()) != 1 || r.GetKvs()[0].GetVersion() != 1 {
					t.Errorf("the key %q beside the namespace is now %v", key, r.GetKvs())
				}
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func useKV(w world) {
	base := kv.New(w.name)
	w.put("a", "b", "\xff\xff", "\x00")
	w.wantStored("", "\x00", "a", "b", "\xff\xff")
	for request, want := range map[kv.Request]string{
		base.WithKey("a"):                                      "a",
		base.WithPrefix():                                      "\x00 a b \xff\xff",
		base.WithKey("\xff").WithPrefix():                      "\xff\xff",
		base.WithKey("b").WithFromKey():                        "b \xff\xff",
		base.WithKey("a").WithRangeEnd("b"):                    "a",
		base.WithPrefix().WithSort(kv.ByKey, kv.Descend):       "\xff\xff b a \x00",
		base.WithKey("").WithPrefix().WithLimit(2):             "\x00 a",
		base.WithPrefix().WithLastCreate():                     "\x00",
		kv.New(w.whole).WithKey(w.prefix + "a").WithKeysOnly(): w.prefix + "a",
	} {
		r, err := kv.Get(w.ctx, request)
		w.must(err)
		var keys []string
		for _, pair := range r.GetKvs() {
			keys = append(keys, string(pair.GetKey()))
		}
		if got := strings.Join(keys, " "); got != want {
			w.Errorf("%v gets %q, want %q", request, got, want)
		}
	}
	put, err := kv.Put(w.ctx, base.WithKey("a").WithValue("2").WithPrevKV())
	w.must(err)
	if string(put.GetPrevKv().GetKey()) != "a" {
		w.Errorf("Put has replaced %v", put.GetPrevKv())
	}
	deleted, err := kv.Delete(w.ctx, base.WithKey("").WithPrefix().WithPrevKV())
	w.must(err)
	if deleted.GetDeleted() != 4 || string(deleted.GetPrevKvs()[1].GetKey()) != "a" {
		w.Errorf("Delete of all keys has deleted %v", deleted)
	}
	w.wantStored("")
}

func usePages(w world) {
	var want []string
	for i := range 100 { // more than the first page, so that the rest comes from a stream
		want = append(want, fmt.Sprintf("%03d", i))
	}
	w.put(want...)
	var got []string
	for pair, err := range kv.All(w.ctx, kv.New(w.name).WithPrefix()) {
		w.must(err)
		got = append(got, string(pair.GetKey()))
	}
	if !slices.Equal(got, want) {
		w.Errorf("All gives %q", got)
	}
	pages := 0
	for page, err := range kv.Pages(w.ctx, kv.New(w.name).WithKey("050").WithFromKey()) {
		w.must(err)
		pages++
		if page.GetCount() != 50 {
			w.Errorf("page %d counts %d", pages, page.GetCount())
		}
	}
	if pages < 2 {
		w.Errorf("%d pages", pages)
	}
}

func useMany(w world) {
	pairs := map[string]string{}
	var keys []string
	for i := range 300 {
		keys = append(keys, fmt.Sprintf("%03d", i))
		pairs[keys[i]] = fmt.Sprint(i)
	}
	written, err := kv.PutMany(w.ctx, kv.New(w.name), maps.All(pairs))
	w.must(err)
	w.wantStored(append([]string{""}, keys...)...) // "" is one of those beside
	found, err := kv.GetMany(w.ctx, kv.New(w.name), append(keys, "missing")...)
	w.must(err)
	for _, key := range keys {
		if pair, there := found.Get(key); !there || string(pair.GetKey()) != key || string(pair.GetValue()) != pairs[key] {
			w.Errorf("GetMany gives %v for %s", pair, key)
		}
	}
	if _, there := found.Get("missing"); there || found.Rev() < written.Rev {
		w.Errorf("GetMany has a key that is missing: %t; it is at revision %d, after %d", there, found.Rev(), written.Rev)
	}
}

func useTransactions(w world) {
	w.put("a")
	txn := op.If(compare.New("a").Version(compare.Equal, 1), compare.New("").WithPrefix().Version(compare.Less, 2)).
		Then(op.Txn(op.If(compare.Missing("b")).Then(op.Put(kv.Key("b").WithValue("1")), op.Get(kv.Key("").WithPrefix()))),
			op.Delete(kv.Key("a").WithPrevKV()))
	r, err := kv.Txn(w.ctx, kv.New(w.name), txn)
	w.must(err)
	w.wantStored("", "b")
	all := r.GetResponses()[0].GetResponseTxn().GetResponses()[1].GetResponseRange().GetKvs()
	if !r.GetSucceeded() || len(all) != 2 || string(all[1].GetKey()) != "b" {
		w.Errorf("the transaction answers %v", r)
	}
	if gone := r.GetResponses()[1].GetResponseDeleteRange().GetPrevKvs(); len(gone) != 1 || string(gone[0].GetKey()) != "a" {
		w.Errorf("it has deleted %v", gone)
	}
}

func useWatch(w world) {
	whole, err := watch.Watch(w.ctx, watch.New(w.name).WithPrefix().WithPrevKV())
	w.must(err)
	from, err := watch.Watch(w.ctx, watch.New(w.name).WithKey("b").WithFromKey())
	w.must(err)
	one, err := watch.Watch(w.ctx, watch.New(w.name).WithKey("\xff"))
	w.must(err)
	w.put("a", "\xff", "a")
	_, err = kv.Put(w.ctx, kv.New(w.whole).WithKey(w.prefix)) // not a key of the namespace
	w.must(err)
	_, err = kv.Delete(w.ctx, kv.New(w.whole).WithKey(w.prefix))
	w.must(err)
	_, err = kv.Put(w.ctx, kv.New(w.whole).WithKey(w.prefix).WithValue("beside"))
	w.must(err)
	_, err = kv.Delete(w.ctx, kv.New(w.name).WithKey("\xff"))
	w.must(err)
	for watcher, want := range map[*watch.Watcher]string{
		whole: `PUT "a" "", PUT "\xff" "", PUT "a" "a", DELETE "\xff" "\xff", `,
		from:  `PUT "\xff" "", DELETE "\xff" "", `,
		one:   `PUT "\xff" "", DELETE "\xff" "", `,
	} {
		got := ""
		for e, err := range watcher.Events() {
			w.must(err)
			if got += fmt.Sprintf("%v %q %q, ", e.GetType(), e.GetKv().GetKey(), e.GetPrevKv().GetKey()); len(got) >= len(want) {
				break
			}
		}
		if got != want {
			w.Errorf("a watch gets %s, want %s", got, want)
		}
		w.must(watcher.Close())
	}
}

func useLease(w world) {
	id := w.lease()
	_, err := kv.Put(w.ctx, kv.New(w.name).WithKey("leased").WithLease(id))
	w.must(err)
	_, err = kv.Put(w.ctx, kv.New(w.whole).WithKey("outside "+w.name).WithLease(id))
	w.must(err)
	left, err := lease.TimeToLive(w.ctx, lease.New(w.name), id, true)
	w.must(err)
	if keys := left.GetKeys(); len(keys) != 1 || string(keys[0]) != "leased" {
		w.Errorf("the lease has the keys %q", keys)
	}
	keeper, err := lease.KeepAlive(w.ctx, lease.New(w.name), id)
	w.must(err)
	if until := time.Until(keeper.ValidUntil()); until < 30*time.Second {
		w.Errorf("the lease is valid for %v", until)
	}
	w.must(keeper.Close())
	_, err = lease.KeepAliveOnce(w.ctx, lease.New(w.name), id)
	w.must(err)
	all, err := lease.Leases(w.ctx, lease.New(w.name))
	w.must(err)
	if len(all.GetLeases()) == 0 {
		w.Error("the cluster has no lease")
	}
	_, err = lease.Revoke(w.ctx, lease.New(w.name), id)
	w.must(err)
	w.wantStored("")
}

// useServices calls etcd's own lock and election services, over stubs.
func useServices(w world) {
	n, err := conn.Lookup(w.name)
	w.must(err)
	locks, elections := v3lockpb.NewLockClient(n), v3electionpb.NewElectionClient(n)
	locked, err := locks.Lock(w.ctx, &v3lockpb.LockRequest{Name: []byte("jobs"), Lease: w.lease()})
	w.must(err)
	w.wantStored("", string(locked.GetKey()))
	_, err = locks.Unlock(w.ctx, &v3lockpb.UnlockRequest{Key: locked.GetKey()})
	w.must(err)
	w.wantStored("")
	observed, err := elections.Observe(w.ctx, &v3electionpb.LeaderRequest{Name: []byte("boss")})
	w.must(err)
	won, err := elections.Campaign(w.ctx, &v3electionpb.CampaignRequest{Name: []byte("boss"), Lease: w.lease(), Value: []byte("one")})
	w.must(err)
	w.wantStored("", string(won.GetLeader().GetKey()))
	seen, err := observed.Recv()
	w.must(err)
	now, err := elections.Leader(w.ctx, &v3electionpb.LeaderRequest{Name: []byte("boss")})
	w.must(err)
	for _, pair := range []*mvccpb.KeyValue{seen.GetKv(), now.GetKv()} {
		if string(pair.GetKey()) != string(won.GetLeader().GetKey()) || string(won.GetLeader().GetName()) != "boss" {
			w.Errorf("%v has won, and leads as %v", won.GetLeader(), pair)
		}
	}
	_, err = elections.Proclaim(w.ctx, &v3electionpb.ProclaimRequest{Leader: won.GetLeader(), Value: []byte("two")})
	w.must(err)
	_, err = elections.Proclaim(w.ctx, &v3electionpb.ProclaimRequest{Value: []byte("nobody's")})
	if etcderr.OutcomeOf(err) != etcderr.Rejected {
		w.Errorf("a proclamation without a leader: %v", err)
	}
	_, err = elections.Resign(w.ctx, &v3electionpb.ResignRequest{Leader: won.GetLeader()})
	w.must(err)
	w.wantStored("")
}
