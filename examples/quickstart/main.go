// SPDX-License-Identifier: Apache-2.0

// Quickstart walks through the SDK on a real etcd cluster: it opens a named connection, puts, gets, compares and swaps
// and deletes keys, and keeps reading while the member that answered last dies and comes back.
//
// It starts a cluster of three members for itself and ends it again. With $ETCD_ENDPOINTS, separated by commas, it uses
// that cluster instead, under keys of its own that it removes again, and leaves its members alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/eetcd-go/eetcd/conn"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program without the clean-up
	if err := run(ctx, os.Stdout); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// run takes the walk, and leaves nothing behind in any case.
func run(ctx context.Context, out io.Writer) (err error) {
	w := newWalk(out)
	w.say("A walk through eetcd for Go on a real etcd cluster.")

	w.step("Find a cluster")
	place, err := findPlace(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.close()) }()

	w.step("Open a connection to it under a name")
	w.call(`conn.Open(ctx, "registry", endpoints)`)
	c, err := conn.Open(ctx, connection, place.endpoints)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, endpoint := range c.Info() {
		w.result("%s is %v", endpoint.Address, endpoint.State)
	}
	if place.own == nil {
		defer func() { err = errors.Join(err, w.sweep(ctx)) }()
	}

	for _, act := range []func(context.Context) error{
		w.putAndGet, w.branch, w.refuse, w.compareAndSwap, w.delete,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	if err := w.outage(ctx, c, place); err != nil {
		return err
	}
	w.say("Done. docs/tour.md goes on from here, task by task.")
	return nil
}
