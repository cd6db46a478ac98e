// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// registry is the connection to the member that is shared by the tests that change nothing. The others start their own.
const registry = "registry"

var shared *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, registry, &shared) }

// is34 reports whether the cluster runs the oldest version that the SDK supports.
func is34(c *etcdtest.Cluster) bool { return strings.HasPrefix(c.Member(0).Version(), "v3.4.") }

// settle waits until the cluster can take another change of its members: 3.4 forgets a change that comes right after
// another.
func settle(c *etcdtest.Cluster) {
	if is34(c) {
		time.Sleep(50 * time.Millisecond)
	}
}

// open opens a connection to these endpoints, which closes with the test.
func open(t *testing.T, endpoints ...string) ctx.Ctx {
	t.Helper()
	return cluster.New(onecluster.Open(t, "", endpoints).Name())
}

// members returns the member list, sorted by ID.
func members(t *testing.T, c ctx.Ctx) []*pb.Member {
	t.Helper()
	list, err := cluster.MemberList(t.Context(), c)
	if err != nil {
		t.Fatalf("MemberList: %v", err)
	}
	return list.GetMembers()
}

func find(t *testing.T, list []*pb.Member, id uint64) *pb.Member {
	t.Helper()
	i := slices.IndexFunc(list, func(m *pb.Member) bool { return m.GetID() == id })
	if i < 0 {
		t.Fatalf("%v has no member %x", list, id)
	}
	return list[i]
}

// once repeats what while the server answers with reason, which passes by itself.
func once(t *testing.T, reason error, what func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := what()
		if err == nil {
			return
		}
		if !errors.Is(err, reason) || time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// wantFailure checks the outcome of a failed call, and that errors.Is finds its reason.
func wantFailure(t *testing.T, err error, outcome etcderr.Outcome, reason error) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if got := etcderr.OutcomeOf(err); got != outcome || !errors.Is(err, reason) {
		t.Errorf("%q with outcome %v, want %q with %v", err, got, reason, outcome)
	}
}

func wantInvalid(t *testing.T, err error, conflicts ...string) {
	t.Helper()
	wantFailure(t, err, etcderr.NotSent, ctx.ErrInvalid)
	var invalid *ctx.InvalidError
	if errors.As(err, &invalid) && !slices.Equal(invalid.Conflicts, conflicts) {
		t.Errorf("conflicts %q, want %q", invalid.Conflicts, conflicts)
	}
}
