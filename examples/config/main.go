// SPDX-License-Identifier: Apache-2.0

// Config has workers that follow their settings while they run. An operator changes the settings, writes some that do not decode
// and some that make no sense, the cluster is restored from a backup, and the settings are deleted. The workers have valid
// settings all the while.
//
// It starts a cluster of three members. With $ETCD_ENDPOINTS, separated by commas, it uses that cluster instead, and restores
// nothing there. It writes the key config/workers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

const (
	connection   = "registry"
	key          = "config/workers"
	endpointsEnv = "ETCD_ENDPOINTS"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program without the clean-up
	if err := run(ctx, os.Stdout); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "config:", err)
		os.Exit(1)
	}
}

// endpoints returns those of $ETCD_ENDPOINTS.
func endpoints() (list []string) {
	for endpoint := range strings.SplitSeq(os.Getenv(endpointsEnv), ",") {
		if endpoint = strings.TrimSpace(endpoint); endpoint != "" {
			list = append(list, endpoint)
		}
	}
	return list
}

// run shows settings that change, and leaves nothing behind in any case.
func run(ctx context.Context, out io.Writer) (err error) {
	at := endpoints()
	var own *etcdtest.Cluster
	if len(at) == 0 {
		fmt.Fprintf(out, "Starting an etcd cluster of three members. If there is no etcd yet, %s is built once, "+
			"which takes about a minute.\n", etcdtest.DefaultVersion)
		if own, err = etcdtest.Run(ctx, etcdtest.WithSize(3)); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, own.Close()) }()
		at = own.Endpoints()
	}
	c, err := conn.Open(ctx, connection, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()

	s := &story{out: out, cluster: own}
	live, err := follow(ctx, s.say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, live.Close()) }()
	s.live = live
	work := start(live)
	defer work.end()
	if err := s.tell(ctx); err != nil {
		return err
	}
	work.end()
	s.say("Done. The workers did %d jobs, and %d of them without valid settings.", work.done.Load(), work.invalid.Load())
	return nil
}
