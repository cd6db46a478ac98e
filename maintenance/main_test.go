// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/maintenance"
)

// registry is the connection to the three members that the tests share. Tests with other needs start their own.
const registry = "registry"

var shared *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, registry, &shared, etcdtest.WithSize(3)) }

// open opens a connection to these endpoints, which closes with the test.
func open(t *testing.T, endpoints ...string) ctx.Ctx {
	t.Helper()
	return maintenance.New(onecluster.Open(t, "", endpoints).Name())
}

// put writes n values of a size, and returns the last revision.
func put(t *testing.T, c ctx.Ctx, n, size int) (rev int64) {
	t.Helper()
	value := strings.Repeat("v", size)
	for i := range n {
		response, err := kv.Put(t.Context(), c.WithKey(fmt.Sprintf("%s/%03d", t.Name(), i)).WithValue(value))
		if err != nil {
			t.Fatal(err)
		}
		rev = response.GetHeader().GetRevision()
	}
	return rev
}

// isOlder reports whether the members' minor version is before this one, such as "v3.5".
func isOlder(than string) bool {
	return strings.Join(strings.Split(shared.Member(0).Version(), ".")[:2], ".") < than
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
