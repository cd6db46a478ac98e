// SPDX-License-Identifier: Apache-2.0

// Election runs three candidates as processes, which lead one after the other. The leader is killed, and the next one
// leads as soon as the lease of the first has expired. A late write of the first leader is refused.
//
// It starts a cluster of three members, and leaves nothing behind.
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

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

const connection = "candidates"

// The election, and what its leader writes.
const (
	office  = "scheduler"
	workKey = "plan"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program without the clean-up
	var err error
	if len(os.Args) == 4 && os.Args[1] == "candidate" {
		err = stand(ctx, os.Args[2], strings.Split(os.Args[3], ","))
	} else {
		err = run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "election:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	fmt.Fprintf(out, "Starting an etcd cluster of three members. If there is no etcd yet, %s is built once, "+
		"which takes about a minute.\n", etcdtest.DefaultVersion)
	cluster, err := etcdtest.Run(ctx, etcdtest.WithSize(3))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	c, err := conn.Open(ctx, connection, cluster.Endpoints())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()

	candidates := map[string]*process{}
	defer func() {
		for _, p := range candidates {
			p.stop()
		}
	}()
	for _, name := range []string{"anna", "ben", "cleo"} {
		if candidates[name], err = start(name, cluster.Endpoints()); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "\nThree candidates stand for election.")
	o, err := election.Observe(ctx, election.New(connection).WithName(office))
	if err != nil {
		return err
	}
	defer o.Close()
	var first *mvccpb.KeyValue
	for r, err := range o.All() {
		leader := r.GetKv()
		switch {
		case err != nil:
			return err
		case leader == nil:
			fmt.Fprintln(out, "   Nobody leads.")
		case first == nil:
			first = leader
			fmt.Fprintf(out, "   %s leads, with fencing revision %d, and is killed.\n", leader.GetValue(), leader.GetCreateRevision())
			candidates[string(leader.GetValue())].kill()
			delete(candidates, string(leader.GetValue()))
		case string(leader.GetKey()) != string(first.GetKey()):
			fmt.Fprintf(out, "   %s leads, with fencing revision %d.\n", leader.GetValue(), leader.GetCreateRevision())
			if err := late(ctx, out, first); err != nil {
				return err
			}
			fmt.Fprintln(out, "\nDone.")
			return nil
		}
	}
	return errors.New("the observer has ended")
}

// late sends a write that the first leader could still have had under way when it was killed.
func late(ctx context.Context, out io.Writer, first *mvccpb.KeyValue) error {
	guard := compare.New(string(first.GetKey())).CreateRevision(compare.Equal, first.GetCreateRevision())
	r, err := kv.Txn(ctx, kv.New(connection), op.If(guard).Then(op.Put(kv.Key(workKey).WithValue("late"))))
	if err != nil {
		return err
	}
	if r.GetSucceeded() {
		return errors.New("a former leader may write")
	}
	fmt.Fprintf(out, "   A late write of %s is refused.\n", first.GetValue())
	return nil
}
