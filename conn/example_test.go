// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := conn.Open(ctx, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
	if err != nil {
		fmt.Println(err) // which endpoint did not answer, and why
		return
	}
	defer c.Close()
	_ = conn.WriteInfo(os.Stdout)
}

func ExampleWithStateListener() {
	c, err := conn.Open(context.Background(), "registry", []string{"127.0.0.1:2379"},
		conn.WithStateListener(func(e conn.Endpoint) {
			fmt.Println(e.Address, e.State, e.Err)
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
}
