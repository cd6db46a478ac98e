// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// A connection is opened once. Requests go to it by its name.
func Example() {
	ctx := context.Background()
	c, err := conn.Open(ctx, "registry", etcd.Endpoints()) // or []string{"10.0.0.1:2379", "10.0.0.2:2379"}
	if err != nil {
		log.Fatal(err) // names each endpoint, with the reason why it cannot be used
	}
	defer c.Close()
	if _, err := kv.Put(ctx, kv.New("registry").WithKey("k").WithValue("v")); err != nil {
		log.Fatal(err)
	}
	for _, endpoint := range c.Info() {
		fmt.Println(endpoint.Name, endpoint.State)
	}
	// Output: registry Active
}

// Servers that ask for certificates get the one in the configuration.
func ExampleWithTLS() {
	ctx := context.Background()
	secure, err := etcdtest.Run(ctx, etcdtest.WithTLS())
	if err != nil {
		log.Fatal(err)
	}
	defer secure.Close()
	config := secure.TLSConfig() // RootCAs to verify servers by, and Certificates of the client's own
	c, err := conn.Open(ctx, "secure", secure.Endpoints(), conn.WithTLS(config))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = kv.Put(ctx, kv.New("secure").WithKey("k").WithValue("v"))
	fmt.Println("written over TLS:", err == nil)
	// Output: written over TLS: true
}

// A listener is told the first state of each endpoint, and each change of it.
func ExampleWithStateListener() {
	states := make(chan conn.State, 10)
	c, err := conn.Open(context.Background(), "", etcd.Endpoints(),
		conn.WithStateListener(func(e conn.Endpoint) { states <- e.State }))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(<-states)
	// Output: Active
}

// A program that starts before etcd does opens its connection lazily, and waits where it needs etcd.
func ExampleWithLazy() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := conn.Open(ctx, "lazy", etcd.Endpoints(), conn.WithLazy())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.WaitReady(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	// Output: ready
}

// Two parts of a program that do not know of each other share a connection. The last release closes it.
func ExampleShare() {
	ctx := context.Background()
	first, release, err := conn.Share(ctx, "shared", etcd.Endpoints())
	if err != nil {
		log.Fatal(err)
	}
	second, releaseToo, err := conn.Share(ctx, "shared", etcd.Endpoints())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("one connection:", first == second)
	if err := errors.Join(release(), releaseToo()); err != nil {
		log.Fatal(err)
	}
	_, err = conn.Lookup("shared")
	fmt.Println("closed:", errors.Is(err, conn.ErrNotOpen))
	// Output:
	// one connection: true
	// closed: true
}

// A namespace is a connection to the keys below a prefix.
func ExampleConn_Namespace() {
	ctx := context.Background()
	c, err := conn.Open(ctx, "whole", etcd.Endpoints())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close() // closes its namespaces too
	if _, err := c.Namespace("tenant", "tenants/7/"); err != nil {
		log.Fatal(err)
	}
	if _, err := kv.Put(ctx, kv.New("tenant").WithKey("color").WithValue("red")); err != nil {
		log.Fatal(err)
	}
	for _, request := range []kv.Request{kv.New("tenant").WithPrefix(), kv.New("whole").WithKey("tenants/").WithPrefix()} {
		for pair, err := range kv.All(ctx, request) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s = %s\n", pair.GetKey(), pair.GetValue())
		}
	}
	// Output:
	// color = red
	// tenants/7/color = red
}

// While no endpoint is Active, calls wait as long as the connection has patience. Here it has none.
func ExampleWithPatience() {
	ctx := context.Background()
	c, err := conn.Open(ctx, "nowhere", []string{"127.0.0.1:1"}, conn.WithLazy(), conn.WithPatience(0))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = kv.Get(ctx, kv.New("nowhere").WithKey("k"))
	fmt.Println("no endpoint is Active:", errors.Is(err, conn.ErrUnavailable))
	// Output: no endpoint is Active: true
}

func ExampleWriteInfo() {
	if err := conn.WriteInfo(os.Stdout); err != nil { // no connection is open
		log.Fatal(err)
	}
	// Output:
	// Name | Status | Endpoint | Leases
	// -----+--------+----------+-------
	//
	// Name | Status | Endpoint | Reconnect in | Reason
	// -----+--------+----------+--------------+-------
}
