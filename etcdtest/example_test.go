// SPDX-License-Identifier: Apache-2.0

package etcdtest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/etcdtest"
)

// A program runs three members, loses the leader and gets it back.
func ExampleRun() {
	cluster, err := etcdtest.Run(context.Background(), etcdtest.WithSize(3))
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()

	old := cluster.Leader()
	old.Kill()
	fmt.Println("another leader:", cluster.Leader() != old)
	old.Restart()
	fmt.Println("endpoints:", len(cluster.Endpoints()), "failures:", cluster.Err())
	// Output:
	// another leader: true
	// endpoints: 3 failures: <nil>
}
