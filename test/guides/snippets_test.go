// SPDX-License-Identifier: Apache-2.0

package guides

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/eetcd-go/eetcd/etcdtest"
)

func newest(ctx context.Context, endpoints []string) ([]*mvccpb.KeyValue, error) {
	cli, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: time.Second})
	if err != nil {
		return nil, err
	}
	defer cli.Close()
	bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	resp, err := cli.Get(bounded, "tasks/", clientv3.WithPrefix(),
		clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortDescend), clientv3.WithLimit(10))
	if err != nil {
		return nil, err
	}
	return resp.Kvs, nil
}

func swapAt(ctx context.Context, cli *clientv3.Client, seen int64) (*clientv3.TxnResponse, error) {
	resp, err := cli.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision("config"), "=", seen)).
		Then(clientv3.OpPut("config", "v2")).
		Else(clientv3.OpGet("config")).
		Commit()
	return resp, err
}

func register(ctx context.Context, cli *clientv3.Client) error {
	granted, err := cli.Grant(ctx, 10)
	if err != nil {
		return err
	}
	if _, err := cli.Put(ctx, "heartbeat:a", "up", clientv3.WithLease(granted.ID)); err != nil {
		return err
	}
	renewals, err := cli.KeepAlive(ctx, granted.ID)
	if err != nil {
		return err
	}
	for range renewals { // has to be drained
	}
	return errors.New("the lease is not kept any more, for a reason that only the log knows")
}

func changes(ctx context.Context, cli *clientv3.Client, from int64, each func(kind, key string)) error {
	watching, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	for resp := range cli.Watch(watching, "tasks/", clientv3.WithPrefix(), clientv3.WithRev(from)) {
		if err := resp.Err(); err != nil {
			return err
		}
		for _, event := range resp.Events {
			each(event.Type.String(), string(event.Kv.Key))
		}
	}
	return ctx.Err() // or a loss that nothing tells of
}

func guarded(ctx context.Context, cli *clientv3.Client) error {
	session, err := concurrency.NewSession(cli, concurrency.WithTTL(10))
	if err != nil {
		return err
	}
	defer session.Close()
	mutex := concurrency.NewMutex(session, "jobs")
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	defer mutex.Unlock(ctx)
	_, err = cli.Txn(ctx).If(mutex.IsOwner()).Then(clientv3.OpPut("work", "done")).Commit()
	return err
}

func TestClientv3CodeInTheGuideWorks(t *testing.T) {
	endpoints := etcdtest.Start(t).Endpoints()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cli, err := clientv3.New(clientv3.Config{Endpoints: endpoints})
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	put := func(key string) int64 {
		t.Helper()
		resp, err := cli.Put(ctx, key, "v1")
		if err != nil {
			t.Fatal(err)
		}
		return resp.Header.Revision
	}
	from := put("tasks/1")
	put("tasks/2")
	if got, err := newest(ctx, endpoints); err != nil || len(got) != 2 || string(got[0].Key) != "tasks/2" {
		t.Errorf("newest: %v, %v", got, err)
	}
	seen := put("config")
	for _, want := range []bool{true, false} {
		if got, err := swapAt(ctx, cli, seen); err != nil || got.Succeeded != want {
			t.Errorf("swapped: %v, %v, want %t", got, err, want)
		}
	}
	if err := guarded(ctx, cli); err != nil {
		t.Errorf("guarded: %v", err)
	}

	kept := make(chan error, 1)
	go func() { kept <- register(ctx, cli) }()
	lease := clientv3.NoLease
	for lease == clientv3.NoLease {
		got, err := cli.Get(ctx, "heartbeat:a")
		if err != nil {
			t.Fatal(err)
		}
		if got.Count == 1 {
			lease = clientv3.LeaseID(got.Kvs[0].Lease)
		}
	}
	if _, err := cli.Revoke(ctx, lease); err != nil {
		t.Fatal(err)
	}
	if err := <-kept; err == nil {
		t.Error("register: no error")
	}

	watching, stop := context.WithCancel(ctx)
	seenKeys, watched := make(chan string, 2), make(chan error, 1)
	go func() {
		watched <- changes(watching, cli, from, func(kind, key string) { seenKeys <- kind + " " + key })
	}()
	for _, want := range []string{"PUT tasks/1", "PUT tasks/2"} {
		if got := <-seenKeys; got != want {
			t.Errorf("saw %s, want %s", got, want)
		}
	}
	stop()
	if err := <-watched; !errors.Is(err, context.Canceled) {
		t.Errorf("changes: %v", err)
	}
}
