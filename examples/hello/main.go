// SPDX-License-Identifier: Apache-2.0

// Hello is the first program of README.md: it starts an etcd, opens a connection, writes a key and reads it again.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	etcd, err := etcdtest.Run(ctx) // starts a real etcd; leave it out where you have one
	if err != nil {
		return err
	}
	defer etcd.Close()

	c, err := conn.Open(ctx, "registry", etcd.Endpoints()) // or []string{"10.0.0.1:2379", "10.0.0.2:2379"}
	if err != nil {
		return err
	}
	defer c.Close()

	services := kv.New("registry").WithKey("services/")
	if _, err := kv.Put(ctx, services.WithSubKey("billing").WithValue("10.0.0.1:80")); err != nil {
		return err
	}
	all, err := kv.Get(ctx, services.WithPrefix())
	if err != nil {
		return err
	}
	for _, pair := range all.GetKvs() {
		fmt.Printf("%s = %s\n", pair.GetKey(), pair.GetValue())
	}
	return nil
}
