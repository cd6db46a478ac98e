// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

import (
	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

// What the guide names of the generated packages that no snippet uses.
var (
	_ authpb.Permission_Type
	_ v3electionpb.LeaderKey
	_ v3lockpb.LockResponse
)

func newest(ctx context.Context, endpoints []string) ([]*mvccpb.KeyValue, error) {
	c, err := conn.Open(ctx, "registry", endpoints)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	resp, err := kv.Get(ctx, kv.New("registry").WithKey("tasks/").WithPrefix().
		WithSort(kv.ByMod, kv.Descend).WithLimit(10))
	if err != nil {
		return nil, err
	}
	return resp.GetKvs(), nil
}

func swapAt(ctx context.Context, seen int64) (*pb.TxnResponse, error) {
	settings := kv.New("registry").WithKey("config")
	resp, err := kv.Txn(ctx, kv.New("registry"),
		op.If(compare.New("config").ModRevision(compare.Equal, seen)).
			Then(op.Put(settings.WithValue("v2"))).
			Else(op.Get(settings)))
	return resp, err
}

func register(ctx context.Context) error {
	granted, err := lease.Grant(ctx, lease.New("registry"), 10*time.Second)
	if err != nil {
		return err
	}
	_, err = kv.Put(ctx, kv.New("registry").WithKey("heartbeat:a").WithValue("up").WithLease(granted.GetID()))
	if err != nil {
		return err
	}
	keeper, err := lease.KeepAlive(ctx, lease.New("registry"), granted.GetID())
	if err != nil {
		return err
	}
	<-keeper.Done()
	return keeper.Err()
}

func changes(ctx context.Context, from int64, each func(kind, key string)) error {
	w, err := watch.Watch(ctx, watch.New("registry").WithKey("tasks/").WithPrefix().WithStartRevision(from))
	if err != nil {
		return err
	}
	defer w.Close()
	for event, err := range w.Events() {
		if err != nil {
			return err
		}
		each(event.GetType().String(), string(event.GetKv().GetKey()))
	}
	return nil // closed by us
}

func guarded(ctx context.Context) error {
	work := kv.Key("work").WithValue("done")
	return lock.Do(ctx, lock.New("registry").WithName("jobs"), 10*time.Second,
		func(held context.Context, l lock.Held) error {
			_, err := kv.Txn(held, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
			return err
		})
}

func TestCodeInTheClientv3GuideWorks(t *testing.T) {
	cluster := etcdtest.Start(t)
	ctx, stop := context.WithCancelCause(t.Context())
	setUp, err := conn.Open(ctx, "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer setUp.Close()
	base := kv.New(setUp.Name())
	put := func(key string) int64 {
		t.Helper()
		resp, err := kv.Put(ctx, base.WithKey(key).WithValue("v1"))
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetHeader().GetRevision()
	}
	from := put("tasks/1")
	put("tasks/2")
	if got, err := newest(ctx, cluster.Endpoints()); err != nil || len(got) != 2 || string(got[0].GetKey()) != "tasks/2" {
		t.Errorf("newest: %v, %v", got, err)
	}

	c, err := conn.Open(ctx, "registry", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	seen := put("config")
	for _, want := range []bool{true, false} {
		if got, err := swapAt(ctx, seen); err != nil || got.GetSucceeded() != want {
			t.Errorf("swapped: %v, %v, want %t", got, err, want)
		}
	}
	if err := guarded(ctx); err != nil {
		t.Errorf("guarded: %v", err)
	}
	if got, err := kv.Get(ctx, base.WithKey("work")); err != nil || got.GetCount() != 1 {
		t.Errorf("the work is not done: %v, %v", got, err)
	}

	kept := make(chan error, 1)
	go func() { kept <- register(ctx) }()
	id := int64(0)
	for id == 0 {
		got, err := kv.Get(ctx, base.WithKey("heartbeat:a"))
		if err != nil {
			t.Fatal(err)
		}
		if got.GetCount() == 1 {
			id = got.GetKvs()[0].GetLease()
		}
	}
	if _, err := lease.Revoke(ctx, lease.New(setUp.Name()), id); err != nil {
		t.Fatal(err)
	}
	if err := <-kept; !errors.Is(err, etcderr.ErrLeaseNotFound) {
		t.Errorf("register: %v", err)
	}

	seenKeys, watched := make(chan string, 2), make(chan error, 1)
	go func() { watched <- changes(ctx, from, func(kind, key string) { seenKeys <- kind + " " + key }) }()
	for _, want := range []string{"PUT tasks/1", "PUT tasks/2"} {
		if got := <-seenKeys; got != want {
			t.Errorf("saw %s, want %s", got, want)
		}
	}
	over := errors.New("over")
	stop(over)
	if err := <-watched; !errors.Is(err, over) {
		t.Errorf("changes: %v", err)
	}
}
