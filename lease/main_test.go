// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"os"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/lease"
)

// registry is the connection to the cluster that the tests of this package share. What needs a member killed or paused
// starts its own.
const registry = "registry"

var cluster *etcdtest.Cluster

func TestMain(m *testing.M) {
	if endpoint, how := os.Getenv(childEndpoint), os.Getenv(childQuestion); endpoint != "" {
		os.Exit(child(endpoint, how))
	}
	onecluster.WaitTogether(6)
	onecluster.Main(m, registry, &cluster, etcdtest.WithSize(3))
}

// open opens a connection to a cluster of the test's own. It closes with the test.
func open(t *testing.T, cluster *etcdtest.Cluster) (*conn.Conn, ctx.Ctx) {
	t.Helper()
	c := onecluster.Open(t, "", cluster.Endpoints())
	return c, lease.New(c.Name())
}

// grant grants a lease.
func grant(t *testing.T, c ctx.Ctx, ttl time.Duration) int64 {
	t.Helper()
	r, err := lease.Grant(t.Context(), c, ttl)
	if err != nil {
		t.Fatalf("Grant: %v", err)
	}
	return r.ID
}

// memberOf is the member behind an endpoint.
func memberOf(t *testing.T, cluster *etcdtest.Cluster, endpoint string) *etcdtest.Member {
	t.Helper()
	for _, m := range cluster.Members() {
		if m.Endpoint() == endpoint {
			return m
		}
	}
	t.Fatalf("no member is at %q", endpoint)
	return nil
}

// renewing waits until all n leases are kept alive on one endpoint, and returns that.
func renewing(t *testing.T, c *conn.Conn, n int) string {
	t.Helper()
	var counts map[string]int
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		counts = kept(c)
		for endpoint, count := range counts {
			if len(counts) == 1 && count == n {
				return endpoint
			}
		}
	}
	t.Fatalf("of %d leases Info counts %v", n, counts)
	return ""
}

// renewedAfter waits until a renewal that was sent after a time has been acknowledged. It returns false if the Keeper ends first.
func renewedAfter(k *lease.Keeper, sent time.Time) bool {
	for renewal := range k.Renewals() {
		if renewal.Sent.After(sent) {
			return true
		}
	}
	return false
}

// within waits for a Keeper to end, and fails the test if that takes longer than limit.
func within(t *testing.T, k *lease.Keeper, limit time.Duration) {
	t.Helper()
	select {
	case <-k.Done():
	case <-time.After(limit):
		t.Fatalf("lease %d has not ended after %v", k.ID(), limit)
	}
}
