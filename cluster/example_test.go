// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/conn"
)

// List the members, and add one that learns before it votes.
func Example() {
	ctx := context.Background()
	registry, err := conn.Open(ctx, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()

	c := cluster.New("registry")
	list, err := cluster.MemberList(ctx, c)
	if err != nil {
		log.Print(err)
		return
	}
	for _, m := range list.GetMembers() {
		fmt.Printf("%x %s %v\n", m.GetID(), m.GetName(), m.GetClientURLs())
	}
	added, err := cluster.MemberAddAsLearner(ctx, c, "http://10.0.0.4:2380")
	if err != nil {
		log.Print(err)
		return
	}
	// Start it, with --initial-cluster-state=existing. Once it has caught up, which etcderr.ErrMemberLearnerNotReady
	// denies:
	if _, err := cluster.MemberPromote(ctx, c, added.GetMember().GetID()); err != nil {
		log.Print(err)
	}
}
