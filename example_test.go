// SPDX-License-Identifier: Apache-2.0

package eetcd_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// A program starts a real etcd, opens a connection to it, writes a key, and reads it again.
func Example() {
	ctx := context.Background()
	etcd, err := etcdtest.Run(ctx) // leave it out where you have one
	if err != nil {
		log.Fatal(err)
	}
	defer etcd.Close()

	c, err := conn.Open(ctx, "registry", etcd.Endpoints()) // or []string{"10.0.0.1:2379", "10.0.0.2:2379"}
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	services := kv.New("registry").WithKey("services/")
	if _, err := kv.Put(ctx, services.WithSubKey("billing").WithValue("10.0.0.1:80")); err != nil {
		log.Fatal(err)
	}
	all, err := kv.Get(ctx, services.WithPrefix())
	if err != nil {
		log.Fatal(err)
	}
	for _, pair := range all.GetKvs() {
		fmt.Printf("%s = %s\n", pair.GetKey(), pair.GetValue())
	}
	// Output: services/billing = 10.0.0.1:80
}
