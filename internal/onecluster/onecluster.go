// SPDX-License-Identifier: Apache-2.0

// Package onecluster has what tests on real servers share. It runs the tests and examples of a package on one cluster, opens
// connections that close with a test, and waits for what comes eventually. Only tests import it.
//
//	var cluster *etcdtest.Cluster
//
//	func TestMain(m *testing.M) { onecluster.Main(m, "registry", &cluster, etcdtest.WithSize(3)) }
package onecluster

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

// Main starts a cluster, opens a connection to it, runs the tests and ends the process. It stores the cluster in
// shared unless that is nil. It opens no connection if name is empty.
func Main(m *testing.M, name string, shared **etcdtest.Cluster, opts ...etcdtest.Option) {
	code, err := run(m, name, shared, opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// WaitTogether lets n tests that call t.Parallel run at once, rather than one for each CPU. It is for tests that wait for most
// of their time, and must be called before Main. The flag -parallel overrules it.
func WaitTogether(n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

func run(m *testing.M, name string, shared **etcdtest.Cluster, opts []etcdtest.Option) (code int, err error) {
	cluster, err := etcdtest.Run(context.Background(), opts...)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if shared != nil {
		*shared = cluster
	}
	if name == "" {
		return m.Run(), nil
	}
	c, err := conn.Open(context.Background(), name, cluster.Endpoints())
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return m.Run(), nil
}
