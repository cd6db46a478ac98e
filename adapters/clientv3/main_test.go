// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

var cluster *etcdtest.Cluster

// One member: a second one would be behind at times, and watches that begin now would then tell of what was before.
func TestMain(m *testing.M) { onecluster.Main(m, "", &cluster) }

// plain returns etcd's own client.
func plain(t testing.TB, endpoints []string, edit ...func(*clientv3.Config)) *clientv3.Client {
	t.Helper()
	config := clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()}
	for _, f := range edit {
		f(&config)
	}
	cli, err := clientv3.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	return cli
}

// adapted returns a client of the adapter, on a connection of its own.
func adapted(t testing.TB, endpoints []string, opts ...conn.Option) *clientv3.Client {
	t.Helper()
	cli := adapter.New(onecluster.Open(t, "", endpoints, opts...))
	t.Cleanup(func() {
		if err := cli.Close(); err != nil {
			t.Errorf("Close of the client: %v", err)
		}
	})
	return cli
}
