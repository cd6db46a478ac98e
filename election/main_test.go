// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

// registry is the connection to the cluster that the tests share.
const registry = "registry"

func TestMain(m *testing.M) { onecluster.Main(m, registry, nil) }

// named is a request about an election of the test's own.
func named(t *testing.T) ctx.Ctx { return election.New(registry).WithName(t.Name()) }

func grant(t *testing.T) int64 {
	t.Helper()
	r, err := lease.Grant(t.Context(), lease.New(registry), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = lease.Revoke(context.Background(), lease.New(registry), r.GetID()) })
	return r.GetID()
}

// win wins the election with a lease of its own.
func win(t *testing.T, value string) *v3electionpb.LeaderKey {
	t.Helper()
	r, err := election.Campaign(t.Context(), named(t).WithLease(grant(t)).WithValue(value).WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return r.GetLeader()
}

func resign(t *testing.T, key *v3electionpb.LeaderKey) {
	t.Helper()
	if _, err := election.Resign(t.Context(), election.New(registry).WithLeader(key)); err != nil {
		t.Fatal(err)
	}
}

func proclaim(t *testing.T, key *v3electionpb.LeaderKey, value string) {
	t.Helper()
	if _, err := election.Proclaim(t.Context(), election.New(registry).WithLeader(key).WithValue(value)); err != nil {
		t.Fatal(err)
	}
}

// keys are those of the candidates.
func keys(t *testing.T) []*mvccpb.KeyValue {
	t.Helper()
	r, err := kv.Get(t.Context(), kv.New(registry).WithKey(t.Name()+"/").WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	return r.GetKvs()
}

// await waits until there are that many candidates.
func await(t *testing.T, n int) {
	t.Helper()
	onecluster.Eventually(t, 20*time.Second, "candidates", func() error {
		if got := len(keys(t)); got != n {
			return fmt.Errorf("there are %d, want %d", got, n)
		}
		return nil
	})
}
