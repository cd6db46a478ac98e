// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

func TestAUserWithoutPermissionIsToldTheSameByBothClients(t *testing.T) {
	endpoints := etcdtest.Start(t).Endpoints()
	admin := plain(t, endpoints)
	for _, name := range []string{"root", "reader"} {
		must(admin.UserAdd(t.Context(), name, password))
		must(admin.RoleAdd(t.Context(), name))
		must(admin.UserGrantRole(t.Context(), name, name))
	}
	must(admin.RoleGrantPermission(t.Context(), "reader", "x/read", "x/readable", clientv3.PermissionType(clientv3.PermRead)))
	must(admin.Put(t.Context(), "x/read", "1"))
	must(admin.AuthEnable(t.Context()))
	as := func(name string) func(*clientv3.Config) {
		return func(c *clientv3.Config) { c.Username, c.Password = name, password }
	}
	root := plain(t, endpoints, as("root"))
	clients := []*clientv3.Client{
		plain(t, endpoints, as("reader")), adapted(t, endpoints, conn.WithCredentials("reader", password)),
	}
	denied := rpctypes.ErrPermissionDenied.Error()
	var told [2]string
	for i, cli := range clients {
		ctx, cancel := context.WithCancel(t.Context())
		start := must(root.Get(t.Context(), "x")).Header.Revision
		p := &play{Context: ctx, cli: cli, rev: start, ids: map[int64]int{}}
		p.play(t, func(p *play) {
			answer, err := p.cli.Get(p, "x/read")
			p.tell("get", answer, err)
			_, err = p.cli.Get(p, "x/other")
			p.tell("get of another key", nil, err)
			_, err = p.cli.Put(p, "x/read", "2")
			p.tell("put", nil, err)
			_, err = p.cli.Txn(p).Then(clientv3.OpGet("x/read"), clientv3.OpDelete("x/read")).Commit()
			p.tell("txn", nil, err)
			_, err = p.cli.UserList(p)
			p.tell("users", nil, err)
			response := <-p.cli.Watch(p, "x/other")
			// clientv3 tells the text of a gRPC error, in which it does not recognise rpctypes.ErrPermissionDenied.
			p.say("watch of another key: canceled %t, %t", response.Canceled, strings.HasSuffix(response.Err().Error(), denied))
			if cli == clients[1] && response.Err() != rpctypes.ErrPermissionDenied {
				t.Errorf("the adapter's watch of another key: %v", response.Err())
			}
			watch := p.cli.Watch(p, "x/read")
			must(root.Put(p, "x/read", "1"))
			events(p, "watch", watch, 1)
		})
		for _, line := range p.lines {
			told[i] += line + "\n"
		}
		cancel()
		must(root.Delete(t.Context(), "x/read"))
		must(root.Put(t.Context(), "x/read", "1"))
	}
	if told[0] != told[1] {
		t.Errorf("clientv3 tells\n%s\nthe adapter\n%s", told[0], told[1])
	}
}
