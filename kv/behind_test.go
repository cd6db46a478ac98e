// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// TestSerializablePagesSurviveAMemberThatIsBehind reads just after a write, which a follower gets late.
func TestSerializablePagesSurviveAMemberThatIsBehind(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 200
	request := kv.New(c.Name()).WithTimeout(30 * time.Second)
	put := func(i int) int64 {
		written, err := kv.Put(t.Context(), request.WithKey(fmt.Sprintf("k/%03d", i)).WithValue("v"))
		if err != nil {
			t.Fatal(err)
		}
		return written.GetHeader().GetRevision()
	}
	for i := range n {
		put(i)
	}
	follower := cluster.Member(0)
	if follower == cluster.Leader() {
		follower = cluster.Member(1)
	}
	cluster.DelayPeers(follower, 100*time.Millisecond)
	all := request.WithKey("k/").WithPrefix().WithSerializable()
	for round := range 15 {
		put(round)
		keys := 0
		for _, err := range kv.All(t.Context(), all.WithMinModRev(1)) { // a filter has to be read page by page on every server
			if err != nil {
				t.Fatalf("round %d, after %d keys: %v", round, keys, err)
			}
			keys++
		}
		if keys != n {
			t.Fatalf("%d keys, want %d", keys, n)
		}
	}
	// A revision of the user's own is refused as before.
	for _, err := range kv.All(t.Context(), all.WithRev(1<<40)) {
		if etcderr.OutcomeOf(err) != etcderr.Rejected {
			t.Errorf("a revision that does not exist: %v", err)
		}
	}
}
