// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
)

func TestOptionsOutOfRangeAreAllNamedInOneError(t *testing.T) {
	_, err := conn.Open(t.Context(), "bad", []string{"nowhere"},
		conn.WithMode(7), conn.WithConnectTimeout(0), conn.WithHealthCheckInterval(-time.Second), conn.WithHedgeDelay(0),
		conn.WithBackoff(nil), conn.WithLogger(nil), conn.WithPatience(-1), conn.WithDefaultTimeout(5), nil)
	if !errors.Is(err, conn.ErrOption) || !errors.Is(err, conn.ErrEndpoint) || etcderr.OutcomeOf(err) != etcderr.NotSent {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q spans lines", err)
	}
	for _, part := range []string{
		"WithMode(Mode(7))", "WithConnectTimeout(0s)", "WithHealthCheckInterval(-1s)", "WithHedgeDelay(0s)", "WithBackoff(nil)",
		"WithLogger(nil)", "WithPatience(-1ns)", "WithDefaultTimeout(5ns)", `"nowhere"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %s", err, part)
		}
	}
	if _, err := conn.Lookup("bad"); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("Lookup: %v", err)
	}
}

func TestOneActiveEndpointIsEnoughToOpen(t *testing.T) {
	for _, tc := range []struct {
		up, down int
		mode     conn.Mode
		opens    bool
	}{
		{1, 0, conn.ConnectAll, true},
		{0, 1, conn.ConnectAll, false},
		{1, 1, conn.ConnectAll, true},
		{2, 1, conn.ConnectAll, true},
		{1, 2, conn.ConnectAll, true},
		{3, 2, conn.ConnectAll, true},
		{0, 3, conn.ConnectAll, false},
		{1, 2, conn.Random, true},
		{0, 3, conn.Random, false},
	} {
		t.Run(fmt.Sprintf("%d up and %d down in %v", tc.up, tc.down, tc.mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all []*member
				for i := range tc.up + tc.down {
					m := newMember(t, fmt.Sprintf("m%d", i))
					if i >= tc.up {
						m.Stop()
					}
					all = append(all, m)
				}
				c, err := conn.Open(t.Context(), "majority", endpoints(all...), network(all...), conn.WithMode(tc.mode))
				if tc.opens {
					if err != nil {
						t.Fatal(err)
					}
					if _, err := get(t.Context(), c); err != nil {
						t.Error(err)
					}
					_ = c.Close()
					return
				}
				if !errors.Is(err, conn.ErrUnavailable) {
					t.Fatalf("got %v, %v", c, err)
				}
				for _, m := range all[tc.up:] {
					if want := "dial " + m.Name + ":1: connection refused"; !strings.Contains(err.Error(), want) {
						t.Errorf("%v lacks %q", err, want)
					}
				}
				if infos := conn.Info(); len(infos) != 0 {
					t.Errorf("a failed Open left %v", infos)
				}
			})
		})
	}
}

func TestFailedOpenLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		if _, err := conn.Open(t.Context(), "failing", []string{"127.0.0.1:1"}); !errors.Is(err, conn.ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("got %v", err)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

func TestCancelledOpenIsRefused(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := conn.Open(parent, "cancelled", []string{"127.0.0.1:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	//lint:ignore SA1012 a nil context must not panic
	if _, err := conn.Open(nil, "nil", []string{"127.0.0.1:1"}); err == nil {
		t.Error("a nil context was taken")
	}
}

func TestCancelledOpenDoesNotCallAnActiveEndpointLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		parent, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		_, err := conn.Open(parent, "cancelled", []string{"a:1", "void:1"}, network(a))
		if !errors.Is(err, context.Canceled) || errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("one endpoint is Active, another is not yet: %v", err)
		}
		if text := fmt.Sprint(err); strings.Contains(text, "lost") || !strings.Contains(text, `"cancelled"`) {
			t.Errorf("one endpoint is Active, another is not yet: %v", err)
		}
	})
}
