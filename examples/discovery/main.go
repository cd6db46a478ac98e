// SPDX-License-Identifier: Apache-2.0

// Discovery shows gRPC services that register themselves in etcd by package resolver, and a client that balances its calls over
// them. A table follows who is there, and the program prints it with the number of calls that each service has answered.
//
// It starts a cluster of three members and some services as processes. Then a service is killed, a member of the
// cluster is killed, the cluster loses all that it has stored, and a service leaves in good order. The client calls all
// the while. With $ETCD_ENDPOINTS, separated by commas, it uses that cluster instead, and does not touch its members.
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
	service      = "services/api"
	endpointsEnv = "ETCD_ENDPOINTS"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program without the clean-up
	var err error
	if len(os.Args) == 3 && os.Args[1] == "service" {
		err = serve(ctx, os.Args[2], endpoints())
	} else {
		err = run(ctx, os.Stdout)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "discovery:", err)
		os.Exit(1)
	}
}

// endpoints returns those of $ETCD_ENDPOINTS.
func endpoints() []string {
	var list []string
	for endpoint := range strings.SplitSeq(os.Getenv(endpointsEnv), ",") {
		if endpoint = strings.TrimSpace(endpoint); endpoint != "" {
			list = append(list, endpoint)
		}
	}
	return list
}

// run shows the registry at work, and leaves nothing behind in any case.
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

	life, end := context.WithCancel(ctx)
	calls := &traffic{}
	called := make(chan error, 1)
	go func() { called <- calls.call(life) }()
	board := newBoard(out, calls)
	followed := make(chan error, 1)
	go func() { followed <- follow(life, board.show) }()
	defer func() {
		end()
		err = errors.Join(err, <-called)
		if lost := <-followed; lost != nil && !errors.Is(lost, context.Canceled) {
			err = errors.Join(err, lost)
		}
	}()

	s := &story{out: out, board: board, cluster: own, endpoints: at}
	defer s.end()
	return s.tell(life)
}
