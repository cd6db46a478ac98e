// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
)

// registry is the connection to the cluster that the tests share.
const registry = "registry"

func TestMain(m *testing.M) { onecluster.Main(m, registry, nil) }

// named is a request for a lock of the test's own.
func named(t *testing.T) ctx.Ctx { return lock.New(registry).WithName(t.Name()) }

func grant(t *testing.T) int64 {
	t.Helper()
	r, err := lease.Grant(t.Context(), lease.New(registry), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = lease.Revoke(context.Background(), lease.New(registry), r.GetID()) })
	return r.GetID()
}

// take takes the lock, and returns its key.
func take(t *testing.T, c ctx.Ctx) string {
	t.Helper()
	r, err := lock.Lock(t.Context(), c.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return string(r.GetKey())
}

// keys are those below the name of the test's lock, the oldest first.
func keys(t *testing.T) []*mvccpb.KeyValue {
	t.Helper()
	r, err := kv.Get(t.Context(), kv.New(registry).WithKey(t.Name()+"/").WithPrefix().WithSort(kv.ByCreate, kv.Ascend))
	if err != nil {
		t.Fatal(err)
	}
	return r.GetKvs()
}

// await waits until that many keys are below the name of the test's lock.
func await(t *testing.T, n int) {
	t.Helper()
	onecluster.Eventually(t, 20*time.Second, "keys below the lock's name", func() error {
		if got := len(keys(t)); got != n {
			return fmt.Errorf("there are %d, want %d", got, n)
		}
		return nil
	})
}

func awaitLeases(t *testing.T, n int) {
	t.Helper()
	onecluster.Eventually(t, 20*time.Second, "leases", func() error {
		if got := leases(t); got != n {
			return fmt.Errorf("there are %d, want %d", got, n)
		}
		return nil
	})
}
