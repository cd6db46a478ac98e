// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
)

func TestOwnTimeIsTheTimeWhereTimersFireInTime(t *testing.T) {
	for _, d := range []time.Duration{1, 7, time.Millisecond, 333333333, time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			began, why := time.Now(), errors.New("late")
			limited, cancel := withOwnTime(t.Context(), d, why)
			defer cancel()
			<-limited.Done()
			if took := time.Since(began); took != d || context.Cause(limited) != why {
				t.Errorf("%v: it took %v: %v", d, took, context.Cause(limited))
			}
			early, cancel := withOwnTime(t.Context(), d, why)
			cancel()
			if err := context.Cause(early); !errors.Is(err, context.Canceled) {
				t.Errorf("%v: ended early with %v", d, err)
			}
		})
	}
}

// TestSlowProcessFreezesNoEndpoint keeps every processor busy with many goroutines, so that each one waits long for its turn
// as under a small CPU quota. The member answers each check at once.
func TestSlowProcessFreezesNoEndpoint(t *testing.T) {
	cluster := etcdtest.Start(t)
	var mu sync.Mutex
	var told []Endpoint
	c, err := Open(t.Context(), "", cluster.Endpoints(), WithHealthCheckInterval(20*time.Millisecond), WithConnectTimeout(200*time.Millisecond),
		WithStateListener(func(e Endpoint) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, e)
		}))
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	for range 60 {
		busy.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				_ = n
			}
		})
	}
	busy.Wait()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, e := range told {
		if e.State != Active {
			t.Errorf("the listener heard %+v", e)
		}
	}
}
