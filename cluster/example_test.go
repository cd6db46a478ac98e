// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/cluster"
)

func Example() {
	ctx := context.Background()
	list, err := cluster.MemberList(ctx, cluster.New("registry")) // conn.Open has opened "registry"
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range list.GetMembers() {
		fmt.Printf("%s votes: %v\n", m.GetName(), !m.GetIsLearner())
	}
	// Output: m0 votes: true
}
