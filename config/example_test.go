// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/eetcd-go/eetcd/config"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/kv"
)

// A program connects where etcdctl does.
func ExampleFromEnv() {
	ctx := context.Background()
	os.Setenv("ETCDCTL_ENDPOINTS", cluster.Endpoints()[0]) // as the profile of the machine does

	endpoints, opts, err := config.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	c, err := conn.Open(ctx, "machine", endpoints, opts...)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := kv.Put(ctx, kv.New("machine").WithKey("color").WithValue("red")); err != nil {
		log.Fatal(err)
	}
	fmt.Println("written")

	os.Setenv("ETCDCTL_USER", "root") // without a password
	_, _, err = config.FromEnv()
	fmt.Println(err)
	os.Unsetenv("ETCDCTL_USER")
	// Output:
	// written
	// config: environment: ETCDCTL_PASSWORD: is missing, and a user is there
}

// A URL names a cluster and a namespace in it.
func ExampleParse() {
	ctx := context.Background()
	url := "etcd://" + cluster.Endpoints()[0] + "/tenants/7?request-timeout=10s" // from a flag or a file

	endpoints, namespace, opts, err := config.Parse(url)
	if err != nil {
		log.Fatal(err)
	}
	c, err := conn.Open(ctx, "cluster", endpoints, opts...)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Namespace("tenant", namespace); err != nil {
		log.Fatal(err)
	}
	if _, err := kv.Put(ctx, kv.New("tenant").WithKey("color").WithValue("blue")); err != nil {
		log.Fatal(err)
	}
	all, err := kv.Get(ctx, kv.New("cluster").WithKey("tenants/").WithPrefix())
	if err != nil {
		log.Fatal(err)
	}
	for _, pair := range all.GetKvs() {
		fmt.Printf("%s = %s\n", pair.GetKey(), pair.GetValue())
	}

	_, _, _, err = config.Parse("etcd://app:pa/ss@10.0.0.1")
	fmt.Println(err)
	// Output:
	// tenants/7/color = blue
	// config: URL: user and password: write : / ? # @ and % in percent-encoding, such as %40 for @; likewise in what follows the addresses
}

// A file has the configuration, as for clientv3. It shows no password.
func ExampleSpec_Options() {
	file := []byte(`{
		"endpoints": ["https://10.0.0.1:2379", "https://10.0.0.2:2379"],
		"request-timeout": "3s",
		"secure": {"cacert": "/etc/etcd/ca.pem"},
		"auth": {"username": "app", "password": "secret"}
	}`)
	var spec config.Spec
	if err := json.Unmarshal(file, &spec); err != nil {
		log.Fatal(err)
	}
	endpoints, opts, err := spec.Options() // for conn.Open
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(endpoints), "endpoints and", len(opts), "options")
	fmt.Printf("%+v\n", spec.Auth)
	// Output:
	// 2 endpoints and 3 options
	// {Username:app Password:*** Token:}
}
