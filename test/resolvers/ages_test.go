// SPDX-License-Identifier: Apache-2.0

package resolvers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/resolver"
)

// registered puts exactly these instances under the service.
func registered(t *testing.T, c kv.Request, addresses ...string) {
	t.Helper()
	c = c.WithTimeout(patience)
	for _, a := range addresses {
		value := fmt.Sprintf(`{"Op":0,"Addr":%q,"Metadata":null}`, a)
		if _, err := kv.Put(t.Context(), c.WithKey(service+"/"+a).WithValue(value)); err != nil {
			t.Fatal(err)
		}
	}
	there, err := kv.Get(t.Context(), c.WithKey(service+"/").WithPrefix().WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range there.GetKvs() {
		if key := string(pair.GetKey()); !slices.Contains(addresses, key[len(service)+1:]) {
			if _, err := kv.Delete(t.Context(), c.WithKey(key)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func compact(t *testing.T, c kv.Request) {
	t.Helper()
	at, err := kv.Get(t.Context(), c.WithKey("k").WithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Compact(t.Context(), c.WithRev(at.GetHeader().GetRevision()).WithTimeout(patience)); err != nil {
		t.Fatal(err)
	}
}

// tellWithin is how old a list may be once the connection is ready. It is generous, because a machine may be busy: the test prints
// the figures, and resolver has the second of the promise in its own tests, on a clock of theirs.
const tellWithin = 20 * time.Second

// TestListIsTrueAgainOnceTheClusterIsReachable shuts a resolver out, changes what it cannot see, and lets it in again. The resolver
// keeps no instances that have vanished from a store, so its list is exactly what is registered.
func TestListIsTrueAgainOnceTheClusterIsReachable(t *testing.T) {
	const rounds = 3
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, cluster *etcdtest.Cluster, d *etcdtest.Data, c kv.Request)
	}{
		{"changes", func(t *testing.T, _ *etcdtest.Cluster, _ *etcdtest.Data, c kv.Request) {
			registered(t, c, "b:1", "c:1")
		}},
		{"changes and a compaction", func(t *testing.T, _ *etcdtest.Cluster, _ *etcdtest.Data, c kv.Request) {
			registered(t, c, "b:1", "c:1")
			compact(t, c)
		}},
		{"a restore", func(t *testing.T, cluster *etcdtest.Cluster, d *etcdtest.Data, c kv.Request) {
			cluster.RestoreData(d)
			registered(t, c, "b:1", "c:1")
		}},
		{"a wipe", func(t *testing.T, cluster *etcdtest.Cluster, _ *etcdtest.Data, c kv.Request) {
			cluster.Wipe()
			registered(t, c, "b:1", "c:1")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t)
			var g onecluster.Gate
			to, c := open(t, cluster.Endpoints(), g.Option()), kv.New(open(t, cluster.Endpoints()).Name())
			registered(t, c, "a:1")
			copied := cluster.SaveData()
			registered(t, c, "a:1", "b:1")
			l := resolve(t, to.Name(), resolver.WithKeepLast(0))
			var fromReach, fromActive []time.Duration
			for round := range rounds {
				before := []string{"a:1", "b:1", fmt.Sprintf("only-in-%d:1", round)}
				registered(t, c, before...)
				l.await(t, before...)
				g.Cut()
				tt.change(t, cluster, copied, c)
				l.mu.Lock()
				if !slices.Equal(l.newest, before) {
					t.Errorf("without its network the list is %v", l.newest)
				}
				l.mu.Unlock()
				g.Open()
				reachable := time.Now()
				if err := to.WaitReady(t.Context()); err != nil {
					t.Fatal(err)
				}
				active := time.Now()
				at := l.await(t, "b:1", "c:1")
				fromReach, fromActive = append(fromReach, at.Sub(reachable)), append(fromActive, at.Sub(active))
			}
			slices.Sort(fromReach)
			slices.Sort(fromActive)
			t.Logf("%s, %d times: the list is true again %v (median), %v (slowest) after the network is back, and %v (median), %v (slowest) "+
				"after the connection is", tt.name, rounds, ms(fromReach[rounds/2]), ms(fromReach[rounds-1]), ms(fromActive[rounds/2]), ms(fromActive[rounds-1]))
			if slowest := fromActive[rounds-1]; slowest > tellWithin {
				t.Errorf("the list was old for %v", slowest)
			}
			if l.empties > 0 || len(l.errs) > 0 {
				t.Errorf("gRPC got %d empty lists, and the errors %v", l.empties, l.errs)
			}
		})
	}
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// TestInstancesComeBackToAnEtcdThatWasWiped has presences register again, while the resolver keeps them. It keeps an instance that is
// late longer than those.
func TestInstancesComeBackToAnEtcdThatWasWiped(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	c := open(t, cluster.Endpoints())
	addresses := []string{"a:1", "b:1", "c:1", "d:1", "e:1"}
	base := resolver.New(c.Name()).WithKey(service).WithTimeout(patience)
	for _, a := range addresses {
		p, err := resolver.Register(t.Context(), base, resolver.Instance{Addr: a}, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Leave(t.Context()) }()
	}
	late := kv.New(c.Name()).WithKey(service + "/late").WithValue(`{"Addr":"late:1"}`).WithTimeout(patience)
	if _, err := kv.Put(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	l := resolve(t, c.Name(), resolver.WithKeepLast(patience))
	l.await(t, append(addresses, "late:1")...)
	cluster.Wipe()
	began := time.Now()
	for {
		there, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey(service+"/").WithPrefix().WithCountOnly())
		if err == nil && there.GetCount() == int64(len(addresses)) {
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("the instances are not back: %v, %v", there.GetCount(), err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	back := time.Now()
	another := kv.New(c.Name()).WithKey(service + "/f").WithValue(`{"Addr":"f:1"}`)
	if _, err := kv.Put(t.Context(), another); err != nil {
		t.Fatal(err)
	}
	at := l.await(t, append(addresses, "f:1", "late:1")...)
	t.Logf("all instances are registered again %v after the wipe, and listed %v after that", ms(back.Sub(began)), ms(max(0, at.Sub(back))))
	if l.empties > 0 {
		t.Errorf("gRPC got %d empty lists", l.empties)
	}
}
