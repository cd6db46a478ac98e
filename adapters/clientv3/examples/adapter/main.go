// SPDX-License-Identifier: Apache-2.0

// Command adapter counts visits under a lock, with clientv3 on this SDK. Its arguments are the endpoints.
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

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
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
	cli := adapter.New(c)
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
