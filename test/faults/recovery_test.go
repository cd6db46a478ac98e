// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

const (
	openWithin = time.Second + 2*grace // the connect timeout, and Close
	backWithin = time.Second + grace   // of an attempt to reconnect that succeeds: a connect timeout at most
	electedBy  = 2 * time.Second       // after which a member without a majority knows that it has no leader
)

func TestOpenSucceedsWithOneOfThreeMembersLost(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	for _, f := range []fault{kill, pause, cut, blackhole, partition} {
		t.Run(f.name, func(t *testing.T) {
			victim := memberOf(t, cluster, leader, nil)
			f.strike(cluster, victim)
			if f.name == partition.name {
				time.Sleep(electedBy)
			}
			memberOf(t, cluster, leader, nil)
			start := time.Now()
			c := open(t, cluster.Endpoints())
			if took := time.Since(start); took > openWithin {
				t.Errorf("open took %v", took)
			}
			// Slow members may elect once more.
			asWanted := func(e conn.Endpoint) bool {
				lost := e.Address == victim.Endpoint()
				return (e.State == conn.Frozen) == lost && (e.Err != nil) == lost
			}
			if !until(backWithin, func() bool { return all(c.Info(), asWanted) }) {
				t.Errorf("only %s should be Frozen: %+v", victim.Endpoint(), c.Info())
			}
			mustPut(t, c)
			start = time.Now()
			for range 6 {
				mustGet(t, c)
			}
			if took := time.Since(start); took > failWithin {
				t.Errorf("with one endpoint frozen six reads took %v", took)
			}
			time.Sleep(time.Second) // so that the backoff has grown
			f.heal(cluster, victim)
			mustReturn(t, c, victim.Endpoint())
		})
	}
}

// all reports whether all endpoints are as wanted.
func all(endpoints []conn.Endpoint, wanted func(conn.Endpoint) bool) bool {
	return !slices.ContainsFunc(endpoints, func(e conn.Endpoint) bool { return !wanted(e) })
}

// mustReturn fails unless an endpoint is Active within one step of the backoff from now, when its member returns.
func mustReturn(t *testing.T, c *conn.Conn, address string) {
	t.Helper()
	start := time.Now()
	e := stateOf(c, address)
	if e.State == conn.Frozen && e.ReconnectIn == 0 {
		// The attempt under way began before the member was back, and may still fail.
		until(backWithin, func() bool { e = stateOf(c, address); return e.State == conn.Active || e.ReconnectIn > 0 })
	}
	bound := time.Since(start) + e.ReconnectIn
	if !until(bound+backWithin, func() bool { return stateOf(c, address).State == conn.Active }) {
		t.Errorf("%s is not back %v after its member, when the next attempt was due in %v: %+v",
			address, time.Since(start), bound, stateOf(c, address))
	}
}

// allLost is the name of the connection of the test below.
const allLost = "all lost"

func TestOpenFailsWithAllMembersLostAndLeavesNothing(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	// A refused or broken connection has several texts.
	broken := []string{"connection refused", "connection reset", "broken pipe", "EOF"}
	silent := []string{"no answer within 1s"}
	for _, tt := range []struct {
		fault   fault
		reasons []string
	}{
		{kill, broken},
		{pause, silent},
		{cut, broken},
		{blackhole, silent},
	} {
		t.Run(tt.fault.name, func(t *testing.T) {
			for _, m := range cluster.Members() {
				tt.fault.strike(cluster, m)
			}
			start := time.Now()
			c, err := conn.Open(t.Context(), allLost, cluster.Endpoints(), conn.WithHooks(meter))
			if took := time.Since(start); took > openWithin {
				t.Errorf("open took %v", took)
			}
			if err == nil {
				closeSoon(t, c)
				t.Fatal("opened")
			}
			if !errors.Is(err, conn.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
			for _, m := range cluster.Members() {
				if !says(err, m.Endpoint(), tt.reasons) {
					t.Errorf("%v: says of %s none of %q", err, m.Endpoint(), tt.reasons)
				}
			}
			if _, err := conn.Lookup(allLost); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("the name is taken: %v", err)
			}
			if left := conn.Info(); len(left) > 0 {
				t.Errorf("endpoints are left: %+v", left)
			}
			if !until(time.Second, func() bool { return len(goroutines()) == 0 }) {
				t.Errorf("goroutines are left:\n%s", strings.Join(goroutines(), "\n\n"))
			}
			for _, m := range cluster.Members() {
				tt.fault.heal(cluster, m)
			}
			memberOf(t, cluster, leader, nil)

			c, err = conn.Open(t.Context(), allLost, cluster.Endpoints(), conn.WithHooks(meter))
			if err != nil {
				t.Fatalf("open again: %v", err)
			}
			defer closeSoon(t, c)
			for _, e := range c.Info() {
				if e.State != conn.Active {
					t.Errorf("in the next connection %s is %v: %v", e.Address, e.State, e.Err)
				}
			}
			mustGet(t, c)
			if len(goroutines()) == 0 {
				t.Error("an open connection has no goroutines, or they go unnoticed")
			}
		})
	}
}

// goroutines returns the stacks of the goroutines that belong to connections: gRPC's and the SDK's own.
func goroutines() []string {
	all := make([]byte, 1<<20)
	for {
		n := runtime.Stack(all, true)
		if n < len(all) {
			all = all[:n]
			break
		}
		all = make([]byte, 2*len(all))
	}
	return slices.DeleteFunc(strings.Split(string(all), "\n\n"), func(stack string) bool {
		return !strings.Contains(stack, "google.golang.org/grpc") && !strings.Contains(stack, "eetcd-go/eetcd/internal/")
	})
}

// says reports whether an error gives one of several reasons for an endpoint.
func says(err error, address string, reasons []string) bool {
	_, said, found := strings.Cut(err.Error(), address+": ")
	said, _, _ = strings.Cut(said, "; ")
	for _, reason := range reasons {
		if found && strings.Contains(said, reason) {
			return true
		}
	}
	return false
}

func TestCallsFailFastDuringAnOutageAndRecover(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	for _, tt := range []struct {
		fault  fault
		frozen time.Duration // after which every endpoint is known to be lost
	}{
		{kill, time.Second},
		{cut, time.Second},
		{pause, frozenBy},
		{blackhole, frozenBy},
	} {
		t.Run(tt.fault.name, func(t *testing.T) {
			c, closed := open(t, cluster.Endpoints(), conn.WithPatience(0)), open(t, cluster.Endpoints())
			mustGet(t, c)
			mustGet(t, closed)
			stopInfo := watchInfo()
			for _, m := range cluster.Members() {
				tt.fault.strike(cluster, m)
			}
			underWay := startCalls(c)
			if !until(tt.frozen+grace, func() bool { return active(c) == 0 }) {
				t.Errorf("after %v still Active: %+v", tt.frozen, c.Info())
			}
			mustFailFast(t, c)
			underWay.mustHaveFailed(t, tt.frozen, conn.ErrUnavailable)

			// This connection has not noticed that its members are silent, unless its transports reported it.
			underWay = startCalls(closed)
			time.Sleep(100 * time.Millisecond)
			closeSoon(t, closed)
			underWay.mustHaveFailed(t, time.Second, conn.ErrClosed, conn.ErrUnavailable)

			for _, m := range cluster.Members() {
				tt.fault.heal(cluster, m)
			}
			memberOf(t, cluster, leader, nil)
			for _, m := range cluster.Members() {
				mustReturn(t, c, m.Endpoint())
			}
			mustGet(t, c)
			mustPut(t, c)
			if slowest := stopInfo(); slowest > neverBlocks {
				t.Errorf("Info and WriteInfo took up to %v", slowest)
			}
		})
	}
}
