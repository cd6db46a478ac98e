// SPDX-License-Identifier: Apache-2.0

// Package namespace proves that a namespace is what etcd's own one is, and that each package of the SDK works in one.
package namespace

import (
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

var servers *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, "", &servers) }

// limit keeps a test from waiting forever: clientv3 has no deadline of its own.
const limit = 90 * time.Second

// both connects the SDK and etcd's own client. They close with the test.
func both(t *testing.T) (*conn.Conn, *clientv3.Client) {
	t.Helper()
	b, err := clients.OpenBoth(t.Context(), servers.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.SDK, b.Etcd
}

func namespaceOf(t *testing.T, c *conn.Conn, name, prefix string) *conn.Conn {
	t.Helper()
	n, err := c.Namespace(name, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
