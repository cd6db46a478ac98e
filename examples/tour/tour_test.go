// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/typed"
)

func TestCodeInTheTourWorks(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	ctx, endpoints := t.Context(), cluster.Endpoints()
	if err := openLater(ctx, endpoints); err != nil {
		t.Errorf("openLater: %v", err)
	}
	t.Setenv("ETCDCTL_ENDPOINTS", strings.Join(endpoints, ","))
	machine, err := openFromEnv(ctx)
	if err != nil {
		t.Fatalf("openFromEnv: %v", err)
	}
	if err := machine.Close(); err != nil {
		t.Error(err)
	}
	if read, err := readURL(); err != nil || !strings.HasPrefix(read, "[https://etcd.example.com:2379] tenants/7/") {
		t.Errorf("readURL: %s, %v", read, err)
	}
	c, err := open(ctx, endpoints)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	if err := branches(ctx); err != nil {
		t.Errorf("branches: %v", err)
	}
	mistakes(ctx)
	if err := look(ctx); err != nil {
		t.Errorf("look: %v", err)
	}
	mux := http.NewServeMux()
	show(mux)
	page := httptest.NewRecorder()
	if mux.ServeHTTP(page, httptest.NewRequest("GET", "/debug/etcd", nil)); !strings.Contains(page.Body.String(), "registry") {
		t.Errorf("show: %d %s", page.Code, page.Body)
	}
	if err := administer(ctx, filepath.Join(t.TempDir(), "backup.db")); err != nil {
		t.Errorf("administer: %v", err)
	}
	if err := tenant(ctx); err != nil {
		t.Errorf("tenant: %v", err)
	}
	if r, err := kv.Get(ctx, kv.New("registry").WithKey("tenants/7/color")); err != nil || len(r.GetKvs()) != 1 {
		t.Errorf("tenant has written %v, %v", r.GetKvs(), err)
	}
	if err := stubs(ctx); err != nil {
		t.Errorf("stubs: %v", err)
	}

	resp, err := kv.Put(ctx, kv.New("registry").WithKey("config").WithValue("v1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		if swapped, err := swap(ctx, resp.GetHeader().GetRevision()); err != nil || swapped != want {
			t.Errorf("swap: %v, %v, want %v", swapped, err, want)
		}
	}

	if err := write(ctx, kv.New("registry").WithKey("k").WithValue("v")); err != nil {
		t.Errorf("write: %v", err)
	}
	// A follower sees a registered service until its lease is revoked.
	following, cancel := context.WithCancel(ctx)
	seen, followed := goFollow(following)
	registered := make(chan error, 1)
	go func() { registered <- register(ctx) }()
	id := leaseOf(t, "heartbeat:10.0.0.1")
	if _, err := lease.Revoke(ctx, lease.New("registry"), id); err != nil {
		t.Errorf("revoke: %v", err)
	}
	if err := <-registered; !errors.Is(err, etcderr.ErrLeaseNotFound) {
		t.Errorf("register ended with %v", err)
	}
	awaitSeen(t, seen, "DELETE heartbeat:10.0.0.1")
	cancel()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended with %v", err)
	}

	observing, stop := context.WithCancel(ctx)
	observed := make(chan error, 1)
	go func() { observed <- observe(observing) }()
	for name, work := range map[string]func(context.Context, kv.Request) error{
		"takeTurns": takeTurns, "takeTurnsIfFree": takeTurnsIfFree, "takePermits": takePermits, "leadOnce": leadOnce,
	} {
		if err := work(ctx, kv.Key("work/"+name).WithValue("done")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r, err := kv.Get(ctx, kv.New("registry").WithKey("work/"+name)); err != nil || len(r.GetKvs()) != 1 {
			t.Errorf("%s has written %v, %v", name, r.GetKvs(), err)
		}
	}
	stop()
	if err := <-observed; !errors.Is(err, context.Canceled) {
		t.Errorf("observe ended with %v", err)
	}
	if err := values(ctx, "a"); err != nil {
		t.Errorf("values: %v", err)
	}
	if err := values(ctx, "a"); !errors.Is(err, typed.ErrExists) {
		t.Errorf("values, once more: %v", err)
	}
	err = announce(ctx, func() error {
		if r, err := kv.Get(ctx, kv.New("registry").WithKey("workers/a")); err != nil || len(r.GetKvs()) != 1 || string(r.GetKvs()[0].GetValue()) != "ready" {
			t.Errorf("announced: %v, %v", r.GetKvs(), err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("announce: %v", err)
	}
	if err := localCopy(ctx); err != nil {
		t.Errorf("localCopy: %v", err)
	}
	if err := liveLimits(ctx); err != nil {
		t.Errorf("liveLimits: %v", err)
	}
	serving(ctx, t)
	for range 2 {
		if err := transfer(ctx); err != nil {
			t.Errorf("transfer: %v", err)
		}
	}
	if r, err := kv.Get(ctx, kv.New("registry").WithKey("account/b")); err != nil || string(r.GetKvs()[0].GetValue()) != "20" {
		t.Errorf("transferred: %v, %v", r.GetKvs(), err)
	}

	err = write(ctx, kv.New("registry").WithKey("k").WithLease(12345))
	if !errors.Is(err, etcderr.ErrLeaseNotFound) {
		t.Errorf("write with a lease that is not there: %v", err)
	}
}

// leaseOf waits for a key that has a lease.
func leaseOf(t *testing.T, key string) int64 {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		resp, err := kv.Get(t.Context(), kv.New("registry").WithKey(key))
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.GetKvs()) == 1 && resp.GetKvs()[0].GetLease() != 0 {
			return resp.GetKvs()[0].GetLease()
		}
	}
	t.Fatalf("no key %s under a lease within 10 s", key)
	return 0
}

func TestTourReadsEachKeyOnceInOrder(t *testing.T) {
	cluster := etcdtest.Start(t)
	c, err := conn.Open(t.Context(), "registry", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const jobs = 2500
	for i := range jobs {
		key := kv.Key(fmt.Sprintf("jobs/%04d", i))
		if _, err := kv.Put(t.Context(), key.WithConn("registry")); err != nil {
			t.Fatal(err)
		}
	}
	var keys [][]byte
	err = everything(t.Context(), func(pair *mvccpb.KeyValue) { keys = append(keys, pair.GetKey()) })
	if err != nil || len(keys) != jobs {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for i := range len(keys) - 1 {
		if bytes.Compare(keys[i], keys[i+1]) >= 0 {
			t.Errorf("%s comes before %s", keys[i], keys[i+1])
		}
	}
	if err := many(t.Context(), map[string]string{"services/billing": "10.0.0.1:80", "services/cart": "10.0.0.2:80"}); err != nil {
		t.Error(err)
	}
}

func TestTourOpensATLSConnection(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithTLS())
	config := cluster.TLSConfig()
	c, err := openSecurely(t.Context(), cluster.Endpoints(), config.RootCAs, config.Certificates[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := kv.Put(t.Context(), kv.New("secure").WithKey("k").WithValue("v")); err != nil {
		t.Errorf("%s: %v", c.Name(), err)
	}
}
