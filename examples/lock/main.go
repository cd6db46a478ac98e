// SPDX-License-Identifier: Apache-2.0

// Lock runs three workers that count together under a lock: each reads the count, thinks, and writes one more. Without
// the lock, counts would be lost. Each write is fenced as well. If a worker loses the lock while it thinks, its write
// is refused.
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
	"strconv"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
)

const (
	connection = "workers"
	workers    = 3
	rounds     = 4
	ttl        = 5 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program without the clean-up
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lock:", err)
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

	fmt.Fprintf(out, "\n%d workers count to %d, one at a time:\n", workers, workers*rounds)
	var all sync.WaitGroup
	errs := make([]error, workers)
	for i := range workers {
		all.Go(func() {
			for range rounds {
				if errs[i] = countUnderLock(ctx, out, i); errs[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}

	fmt.Fprintln(out, "\nA worker that has lost the lock, and has not noticed yet:")
	err = lock.Do(ctx, lock.New(connection).WithName("counter"), ttl, func(held context.Context, l lock.Held) error {
		if _, err := lease.Revoke(ctx, lease.New(connection), l.Lease); err != nil {
			return err
		}
		return count(ctx, out, workers, l)
	})
	if !errors.Is(err, errFenced) { // joined with lock.ErrLost if the worker noticed in time
		return fmt.Errorf("it was not stopped: %w", err)
	}
	fmt.Fprintf(out, "   its write was refused: %v\n", errFenced)
	fmt.Fprintln(out, "\nDone.")
	return nil
}

// errFenced is the error of a write that came too late.
var errFenced = errors.New("another may hold the lock by now")

func countUnderLock(ctx context.Context, out io.Writer, worker int) error {
	return lock.Do(ctx, lock.New(connection).WithName("counter"), ttl, func(held context.Context, l lock.Held) error {
		return count(held, out, worker, l)
	})
}

// count adds one to the count.
func count(held context.Context, out io.Writer, worker int, l lock.Held) error {
	counter := kv.Key("count")
	there, err := kv.Get(held, counter.WithConn(connection))
	if err != nil {
		return err
	}
	n := 0
	if len(there.GetKvs()) > 0 {
		if n, err = strconv.Atoi(string(there.GetKvs()[0].GetValue())); err != nil {
			return err
		}
	}
	time.Sleep(10 * time.Millisecond) // it thinks
	txn := op.If(l.Guard()).Then(op.Put(counter.WithValue(strconv.Itoa(n + 1))))
	written, err := kv.Txn(held, kv.New(connection), txn)
	if err != nil {
		return err
	}
	if !written.GetSucceeded() {
		return errFenced
	}
	fmt.Fprintf(out, "   worker %d: %2d, with fencing revision %d\n", worker, n+1, l.Rev)
	return nil
}
