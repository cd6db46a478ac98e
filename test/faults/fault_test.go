// SPDX-License-Identifier: Apache-2.0

// Package faults tests the SDK's promises while members of a real cluster are killed, paused, cut off from their
// clients or from each other.
//
// $EETCD_FAULT_SECONDS sets how long the history for the linearizability check grows, 10 by default, and
// $EETCD_FAULT_SEED repeats the choices of an earlier run.
package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fault is one way to lose a member and to get it back.
type fault struct {
	name   string
	strike func(*etcdtest.Cluster, *etcdtest.Member)
	heal   func(*etcdtest.Cluster, *etcdtest.Member)
}

var (
	kill = fault{
		"kill",
		func(_ *etcdtest.Cluster, m *etcdtest.Member) { m.Kill() },
		func(_ *etcdtest.Cluster, m *etcdtest.Member) { m.Restart() },
	}
	pause = fault{
		"pause",
		func(_ *etcdtest.Cluster, m *etcdtest.Member) { m.Pause() },
		func(_ *etcdtest.Cluster, m *etcdtest.Member) { m.Resume() },
	}
	cut = fault{
		"cut",
		func(_ *etcdtest.Cluster, m *etcdtest.Member) { m.Cut() },
		func(_ *etcdtest.Cluster, m *etcdtest.Member) { m.Heal() },
	}
	blackhole = fault{
		"blackhole",
		func(_ *etcdtest.Cluster, m *etcdtest.Member) { m.Blackhole() },
		func(_ *etcdtest.Cluster, m *etcdtest.Member) { m.Heal() },
	}
	partition = fault{
		"partition",
		func(c *etcdtest.Cluster, m *etcdtest.Member) { c.Partition(m) },
		func(c *etcdtest.Cluster, m *etcdtest.Member) {
			c.HealPartition()
			until(10*time.Second, func() bool { return healthy(m) }) // it must learn of the leader first
		},
	}
)

// healthy reports whether the member calls itself healthy, for which it needs a leader.
func healthy(m *etcdtest.Member) bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	response, err := client.Get("http://" + m.Endpoint() + "/health")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// role says which member a fault hits.
type role string

const (
	leader   role = "leader"
	follower role = "follower"
)

// memberOf returns the leader, or a follower that pick chooses.
func memberOf(t *testing.T, c *etcdtest.Cluster, r role, pick *rand.Rand) *etcdtest.Member {
	t.Helper()
	first := c.Leader()
	if first == nil {
		t.Fatal("the cluster has no leader")
	}
	if r == leader {
		return first
	}
	var others []*etcdtest.Member
	for _, m := range c.Members() {
		if m != first {
			others = append(others, m)
		}
	}
	return others[pick.IntN(len(others))]
}

// newRand returns a source of choices, and logs how to repeat them.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("EETCD_FAULT_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("EETCD_FAULT_SEED: %v", err)
		}
	}
	t.Logf("EETCD_FAULT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// open opens a connection under a unique name, and closes it with the test. It is measured, and what was measured is checked.
func open(t *testing.T, endpoints []string, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(t.Context(), "", endpoints, append(opts, conn.WithHooks(meter))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		checkMetrics(t)
		closeSoon(t, c)
	})
	return c
}

// closeSoon closes a connection, and fails if that takes longer than Close may take in any state.
func closeSoon(t *testing.T, c *conn.Conn) {
	t.Helper()
	start := time.Now()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(start); took > time.Second+grace {
		t.Errorf("close took %v, want at most 1s", took)
	}
}

// grace is added to a bound for a busy machine: the time between an event and the goroutine that waits for it.
const grace = 500 * time.Millisecond

// until polls what until it returns true, and reports whether it did within d.
func until(d time.Duration, what func() bool) bool {
	deadline, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !what() {
		select {
		case <-tick.C:
		case <-deadline.Done():
			return what()
		}
	}
	return true
}

// stateOf returns a connection's Info of one endpoint.
func stateOf(c *conn.Conn, address string) conn.Endpoint {
	for _, e := range c.Info() {
		if e.Address == address {
			return e
		}
	}
	return conn.Endpoint{State: conn.Frozen, Err: errors.New("no such endpoint")}
}

// active counts the Active endpoints of a connection.
func active(c *conn.Conn) int {
	n := 0
	for _, e := range c.Info() {
		if e.State == conn.Active {
			n++
		}
	}
	return n
}

// awaitAllActive waits until every endpoint of a connection is Active again, at most for the longest pause between two
// attempts to reconnect. Other tests check how soon they must be back.
func awaitAllActive(t *testing.T, c *conn.Conn) {
	t.Helper()
	if !until(30*time.Second, func() bool { return active(c) == len(c.Info()) }) {
		t.Fatalf("not every endpoint came back: %+v", c.Info())
	}
}
