// SPDX-License-Identifier: Apache-2.0

// Command after counts visits under a lock, with this SDK. Its arguments are the endpoints.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	n, err := visit(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("visit", n)
}

func visit(ctx context.Context, endpoints []string) (int, error) {
	c, err := conn.Open(ctx, "registry", endpoints)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	count, n := kv.New("registry").WithKey("visits/count"), 1
	err = lock.Do(ctx, lock.New("registry").WithName("visits/lock"), 10*time.Second,
		func(held context.Context, l lock.Held) error {
			resp, err := kv.Get(held, count)
			if err != nil {
				return err
			}
			for _, pair := range resp.Kvs {
				n, err = strconv.Atoi(string(pair.Value))
				if err != nil {
					return err
				}
				n++
			}
			done, err := kv.Txn(held, kv.New("registry"),
				op.If(l.Guard()).Then(op.Put(count.WithValue(strconv.Itoa(n)))))
			if err == nil && !done.Succeeded {
				err = errors.New("the lock was lost")
			}
			return err
		})
	return n, err
}
