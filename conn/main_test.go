// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"os"
	"testing"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// etcd is a member for the examples. Tests start their own.
var etcd *etcdtest.Cluster

// child, if set, runs in place of the tests, in a process that a test has started.
var child func() (code int)

func TestMain(m *testing.M) {
	if child != nil {
		os.Exit(child())
	}
	onecluster.Main(m, "", &etcd)
}
