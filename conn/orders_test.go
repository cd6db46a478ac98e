// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// What goroutines that do not know of each other do with one name has no order. Each of them gets what it asked for, or is told
// in one of these errors why not, and nothing is left of it.
func TestOpeningSharingChangingAndClosingInAnyOrderLeavesNothing(t *testing.T) {
	endpoints := etcdtest.Start(t).Endpoints()
	const name = "in any order"
	before := runtime.NumGoroutine()
	expected := []error{
		conn.ErrAlreadyOpen, conn.ErrNotOpen, conn.ErrClosed, conn.ErrUnavailable, context.DeadlineExceeded, context.Canceled,
	}
	check := func(what string, err error) {
		for _, one := range expected {
			if errors.Is(err, one) {
				return
			}
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	steps := []func(parent context.Context){
		func(parent context.Context) {
			c, err := conn.Open(parent, name, endpoints)
			check("Open", err)
			if err == nil {
				check("Close", c.Close())
			}
		},
		func(parent context.Context) {
			_, release, err := conn.Share(parent, name, endpoints)
			check("Share", err)
			if err == nil {
				_, err := kv.Put(parent, kv.New(name).WithKey("k").WithValue("v"))
				check("Put", err)
				check("release", release())
			}
		},
		func(parent context.Context) {
			c, err := conn.Lookup(name)
			check("Lookup", err)
			if err == nil {
				check("SetEndpoints", c.SetEndpoints(parent, []string{endpoints[0], "127.0.0.1:1"}))
				check("Sync", c.Sync(parent))
			}
		},
		func(context.Context) { check("Close by name", conn.Close(name)) },
		func(parent context.Context) {
			if c, err := conn.Lookup(name); err == nil {
				check("WaitReady", c.WaitReady(parent))
				_ = fmt.Sprint(c.Info())
			}
		},
	}
	until := time.Now().Add(3 * time.Second)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for time.Now().Before(until) {
				parent, cancel := context.WithTimeout(t.Context(), rand.N(200*time.Millisecond)+time.Millisecond)
				steps[rand.IntN(len(steps))](parent)
				cancel()
			}
		})
	}
	all.Wait()
	if _, err := conn.Lookup(name); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("each step has given back what it opened, and there is: %v", err)
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before })
	c := open(t, name, endpoints)
	if _, err := get(t.Context(), c); err != nil {
		t.Errorf("the next one to have the name: %v", err)
	}
}
