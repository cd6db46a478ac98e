// SPDX-License-Identifier: Apache-2.0

// Package bench has what the benchmark programs share: their main function and server, the cost of a turn, medians and
// tables.
package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"

	"github.com/eetcd-go/eetcd/etcdtest"
)

// Main runs a benchmark whose flags have been parsed, and exits if it fails. An interrupt ends parent. If the flags are
// not valid, or there are arguments, Main prints the usage and exits.
func Main(valid bool, run func(parent context.Context, out io.Writer) error) {
	if !valid || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	parent, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(parent, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(flag.CommandLine.Name()), err)
		os.Exit(1)
	}
}

// Cluster starts a cluster, and prints what the benchmark runs on. The caller closes the cluster.
func Cluster(parent context.Context, out io.Writer, opts ...etcdtest.Option) (*etcdtest.Cluster, error) {
	fmt.Fprintln(out, "Starting etcd; the first time it is built, which takes about a minute.")
	cluster, err := etcdtest.Run(parent, opts...)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "etcd %s, cluster of %d; %s %s/%s, %d CPUs.\n", cluster.Member(0).Version(), cluster.Size(),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	return cluster, nil
}
