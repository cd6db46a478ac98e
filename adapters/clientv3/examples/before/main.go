// SPDX-License-Identifier: Apache-2.0

// Command before counts visits under a lock, with clientv3. Its arguments are the endpoints.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
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
	cli, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: time.Second})
	if err != nil {
		return 0, err
	}
	defer cli.Close()
	session, err := concurrency.NewSession(cli, concurrency.WithTTL(10))
	if err != nil {
		return 0, err
	}
	defer session.Close()
	mutex := concurrency.NewMutex(session, "visits/lock")
	if err := mutex.Lock(ctx); err != nil {
		return 0, err
	}
	defer mutex.Unlock(ctx)
	resp, err := cli.Get(ctx, "visits/count")
	if err != nil {
		return 0, err
	}
	n := 1
	for _, pair := range resp.Kvs {
		n, err = strconv.Atoi(string(pair.Value))
		if err != nil {
			return 0, err
		}
		n++
	}
	done, err := cli.Txn(ctx).If(mutex.IsOwner()).
		Then(clientv3.OpPut("visits/count", strconv.Itoa(n))).Commit()
	if err == nil && !done.Succeeded {
		err = errors.New("the lock was lost")
	}
	return n, err
}
