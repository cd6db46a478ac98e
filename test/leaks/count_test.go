// SPDX-License-Identifier: Apache-2.0

package leaks

import (
	"runtime"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/watch"
)

// idleGoroutines is how many goroutines an idle connection to three members has, with a watch and a kept lease: three of gRPC
// for each endpoint and three for all of them, and for each of the two streams one that receives and one of gRPC.
const idleGoroutines = 3*3 + 3 + 2*(1+1)

func TestIdleConnectionHasFewGoroutines(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	if err := cluster.Err(); err != nil {
		t.Fatal(err)
	}
	before := settledGoroutines(t)
	c := mustOpen(t, cluster.Endpoints())
	defer c.Close()
	w, err := watch.Watch(t.Context(), watch.New(c.Name()).WithKey("key"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	granted, err := lease.Grant(t.Context(), lease.New(c.Name()), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	k, err := lease.KeepAlive(t.Context(), lease.New(c.Name()), granted.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	// A check or a timer adds goroutines for a moment.
	const reads = 5
	began := time.Now()
	for few := 0; few < reads; time.Sleep(10 * time.Millisecond) {
		few++
		if n := runtime.NumGoroutine() - before; n > idleGoroutines {
			few = 0
			if time.Since(began) > time.Minute {
				stacks := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, want at most %d:\n%s", n, idleGoroutines, stacks[:runtime.Stack(stacks, true)])
			}
		}
	}
}

// settledGoroutines returns how many goroutines there are, once that has not changed for a second. Those of earlier tests may still end.
func settledGoroutines(t *testing.T) int {
	t.Helper()
	n, since := runtime.NumGoroutine(), time.Now()
	for began := since; time.Since(since) < time.Second; time.Sleep(10 * time.Millisecond) {
		if now := runtime.NumGoroutine(); now != n {
			n, since = now, time.Now()
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("the number of goroutines still changes after a minute: %d now", n)
		}
	}
	return n
}
