// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/stm"
	"github.com/eetcd-go/eetcd/watch"
)

func follow(ctx context.Context, endpoints []string, table func([]*mvccpb.KeyValue), change func(*mvccpb.Event)) error {
	if _, err := conn.Open(ctx, "registry", endpoints); err != nil {
		return err
	}
	base := kv.New("registry").WithKey("heartbeat:").WithPrefix()
	now, err := kv.Get(ctx, base.WithSort(kv.ByMod, kv.Descend))
	if err != nil {
		return err
	}
	table(now.GetKvs())
	w, err := watch.Watch(ctx, base.WithStartRevision(now.GetHeader().GetRevision()+1))
	if err != nil {
		return err
	}
	defer w.Close()
	for event, err := range w.Events() {
		if err != nil {
			return err
		}
		change(event)
	}
	return nil
}

func swap(ctx context.Context) (bool, error) {
	settings := kv.New("registry").WithKey("config")
	resp, err := kv.Txn(ctx, kv.New("registry"),
		op.If(compare.New("config").Value("=", "v1")).
			Then(op.Put(settings.WithValue("v2"))).
			Else(op.Get(settings)))
	return resp.GetSucceeded(), err
}

func keep(ctx context.Context, work <-chan struct{}) error {
	granted, err := lease.Grant(ctx, lease.New("registry"), 10*time.Second)
	if err != nil {
		return err
	}
	keeper, err := lease.KeepAlive(ctx, lease.New("registry"), granted.GetID())
	if err != nil {
		return err
	}
	defer keeper.Close()
	select {
	case <-keeper.Done(): // 'KeepAliveHalted'
		return keeper.Err()
	case <-work:
		return nil
	}
}

func locked(ctx context.Context, work kv.Request) error {
	return lock.Do(ctx, lock.New("registry").WithName("jobs"), 10*time.Second,
		func(held context.Context, l lock.Held) error {
			_, err := kv.Txn(held, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
			return err
		})
}

func count(ctx context.Context) error {
	_, err := stm.Run(ctx, stm.New("registry"), func(tx *stm.Tx) error {
		seen, err := tx.Get("visits")
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(seen)
		tx.Put("visits", strconv.Itoa(n+1))
		return nil
	})
	return err
}

func TestCodeInTheEetcdGuideWorks(t *testing.T) {
	cluster := etcdtest.Start(t)
	ctx, stop := context.WithCancelCause(t.Context())
	setUp, err := conn.Open(ctx, "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer setUp.Close()
	put := func(key, value string) {
		t.Helper()
		if _, err := kv.Put(ctx, kv.New(setUp.Name()).WithKey(key).WithValue(value)); err != nil {
			t.Fatal(err)
		}
	}
	get := func(key string) string {
		t.Helper()
		got, err := kv.Get(ctx, kv.New(setUp.Name()).WithKey(key))
		if err != nil || got.GetCount() != 1 {
			t.Fatalf("%s: %v, %v", key, got, err)
		}
		return string(got.GetKvs()[0].GetValue())
	}

	put("heartbeat:a", "1")
	put("heartbeat:b", "1")
	listed, changed, followed := make(chan string, 1), make(chan string, 1), make(chan error, 1)
	go func() {
		followed <- follow(ctx, cluster.Endpoints(),
			func(all []*mvccpb.KeyValue) { listed <- fmt.Sprintf("%s %d", all[0].GetKey(), len(all)) },
			func(e *mvccpb.Event) { changed <- string(e.GetKv().GetValue()) })
	}()
	if got := <-listed; got != "heartbeat:b 2" {
		t.Errorf("the newest, and how many: %s", got)
	}
	put("heartbeat:a", "2")
	if got := <-changed; got != "2" {
		t.Errorf("changed to %s", got)
	}

	put("config", "v1")
	for _, want := range []bool{true, false} {
		if swapped, err := swap(ctx); err != nil || swapped != want {
			t.Errorf("swapped: %t, %v, want %t", swapped, err, want)
		}
	}
	work := make(chan struct{})
	close(work)
	if err := keep(ctx, work); err != nil {
		t.Errorf("keep: %v", err)
	}
	halted := make(chan error, 1)
	go func() { halted <- keep(ctx, nil) }()
	leases := map[int64]bool{}
	for len(leases) < 2 {
		all, err := lease.Leases(ctx, lease.New(setUp.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all.GetLeases() {
			leases[l.GetID()] = true
		}
	}
	for id := range leases {
		if _, err := lease.Revoke(ctx, lease.New(setUp.Name()), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-halted; !errors.Is(err, etcderr.ErrLeaseNotFound) {
		t.Errorf("a lease that was revoked: %v", err)
	}
	if err := locked(ctx, kv.Key("work").WithValue("done")); err != nil || get("work") != "done" {
		t.Errorf("locked: %v", err)
	}
	for range 2 {
		if err := count(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := get("visits"); got != "2" {
		t.Errorf("%s visits, want 2", got)
	}

	over := errors.New("over")
	stop(over)
	if err := <-followed; !errors.Is(err, over) {
		t.Errorf("follow: %v", err)
	}
	if err := conn.Close("registry"); err != nil {
		t.Error(err)
	}
}
