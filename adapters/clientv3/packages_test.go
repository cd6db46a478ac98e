// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/leasing"
	"go.etcd.io/etcd/client/v3/mirror"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"go.etcd.io/etcd/client/v3/naming/resolver"
	"go.etcd.io/etcd/client/v3/ordering"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// packagePrograms run etcd's other packages.
var packagePrograms = []program{
	{"namespace", "", func(p *play) {
		kv := namespace.NewKV(p.cli.KV, "x/")
		watch := namespace.NewWatcher(p.cli.Watcher, "x/").Watch(p, "", clientv3.WithPrefix(), clientv3.WithPrevKV())
		must(p.cli.Put(p, "y", "outside"))
		put, err := kv.Put(p, "a", "1")
		p.tell("put", put, err)
		txn, err := kv.Txn(p).If(clientv3.Compare(clientv3.Value("a"), "=", "1")).
			Then(clientv3.OpGet("", clientv3.WithPrefix()), clientv3.OpDelete("a", clientv3.WithPrevKV())).Commit()
		p.tell("txn", txn, err)
		events(p, "watch", watch, 2)
		lease := namespace.NewLease(p.cli.Lease, "x/")
		granted := must(lease.Grant(p, 60))
		must(kv.Put(p, "l", "1", clientv3.WithLease(granted.ID)))
		left := must(lease.TimeToLive(p, granted.ID, clientv3.WithAttachedKeys()))
		p.say("keys: %q", left.Keys)
		all, err := p.cli.Get(p, "", clientv3.WithPrefix())
		p.tell("all", all, err)
	}},
	{"naming", "", func(p *play) {
		manager := must(endpoints.NewManager(p.cli, "x/billing"))
		watching, stop := context.WithCancel(p)
		changes := must(manager.NewWatchChannel(watching))
		tell := func() {
			for _, change := range <-changes {
				p.say("%v %s %s %v", change.Op, change.Key, change.Endpoint.Addr, change.Endpoint.Metadata)
			}
		}
		p.tell("add", nil, manager.AddEndpoint(p, "x/billing/1", endpoints.Endpoint{Addr: "10.0.0.1:1", Metadata: "zone a"}))
		tell()
		p.tell("update", nil, manager.Update(p, []*endpoints.UpdateWithOpts{
			endpoints.NewAddUpdateOpts("x/billing/2", endpoints.Endpoint{Addr: "10.0.0.2:1"}),
			endpoints.NewDeleteUpdateOpts("x/billing/1"),
		}))
		tell()
		p.tell("elsewhere", nil, manager.AddEndpoint(p, "x/other/1", endpoints.Endpoint{Addr: "10.0.0.1:1"}))
		list, err := manager.List(p)
		p.say("list: %v %s", list, told(err))
		p.tell("delete", nil, manager.DeleteEndpoint(p, "x/billing/2"))
		tell()
		stop()
		for range changes {
		}
	}},
	{"naming's resolver", "", func(p *play) {
		listener := must(net.Listen("tcp", "127.0.0.1:0"))
		server := grpc.NewServer()
		healthpb.RegisterHealthServer(server, health.NewServer())
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(listener) })
		defer serving.Wait()
		defer server.Stop()
		manager := must(endpoints.NewManager(p.cli, "x/health"))
		p.tell("add", nil, manager.AddEndpoint(p, "x/health/1", endpoints.Endpoint{Addr: listener.Addr().String()}))
		builder, err := resolver.NewBuilder(p.cli)
		p.tell("builder", nil, err)
		cc := must(grpc.NewClient("etcd:///x/health", grpc.WithResolvers(builder),
			grpc.WithTransportCredentials(insecure.NewCredentials())))
		defer cc.Close()
		answer, err := healthpb.NewHealthClient(cc).Check(p, &healthpb.HealthCheckRequest{})
		p.say("called: %v %s", answer.GetStatus(), told(err))
	}},
	{"leasing", "", func(p *play) {
		kv, end, err := leasing.NewKV(p.cli, "leases/")
		if err != nil {
			p.tell("leasing", nil, err)
			return
		}
		defer end()
		other, endOther, err := leasing.NewKV(p.cli, "leases/")
		if err != nil {
			p.tell("leasing", nil, err)
			return
		}
		defer endOther()
		for i := range 3 {
			must(kv.Put(p, "x/a", fmt.Sprint(i)))
			for _, reader := range []clientv3.KV{kv, other, kv} {
				answer := must(reader.Get(p, "x/a"))
				p.say("%s version %d", answer.Kvs[0].Value, answer.Kvs[0].Version)
			}
		}
		txn, err := other.Txn(p).If(clientv3.Compare(clientv3.Value("x/a"), "=", "2")).Then(clientv3.OpPut("x/a", "3")).Commit()
		p.say("txn: %t %s", txn.Succeeded, told(err))
		answer := must(kv.Get(p, "x/a"))
		p.say("%s", answer.Kvs[0].Value)
		deleted, err := kv.Delete(p, "x/a")
		p.say("deleted: %d %s", deleted.Deleted, told(err))
	}},
	{"ordering", "", func(p *play) {
		kv := ordering.NewKV(p.cli.KV, func(clientv3.Op, clientv3.OpResponse, int64) error { return errors.New("out of order") })
		put, err := kv.Put(p, "x/a", "1")
		p.tell("put", put, err)
		answer, err := kv.Get(p, "x/a", clientv3.WithSerializable())
		p.tell("get", answer, err)
		txn, err := kv.Txn(p).Then(clientv3.OpGet("x/a")).Commit()
		p.tell("txn", txn, err)
	}},
	{"mirror", "", func(p *play) {
		last := write(p)
		ctx, cancel := context.WithCancel(p)
		defer cancel()
		syncer := mirror.NewSyncer(p.cli, "x/", last)
		pages, failed := syncer.SyncBase(ctx)
		for page := range pages {
			p.tell("base", page, nil)
		}
		p.tell("base", nil, <-failed)
		updates := syncer.SyncUpdates(ctx)
		must(p.cli.Put(p, "x/a", "later"))
		events(p, "update", updates, 1)
	}},
	{"a client with a deadline", "", func(p *play) {
		ctx, cancel := context.WithTimeout(p, 50*time.Millisecond)
		defer cancel()
		watch := p.cli.Watch(ctx, "x/a")
		response, open := <-watch
		p.say("watch: %v %d %s", open, len(response.Events), told(response.Err()))
	}},
}
