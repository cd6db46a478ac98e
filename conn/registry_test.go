// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

func TestNamesAreUnique(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		first, err := conn.Open(t.Context(), "names", endpoints(a), network(a))
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		if _, err := conn.Open(t.Context(), "names", endpoints(a), network(a)); !errors.Is(err, conn.ErrAlreadyOpen) {
			t.Errorf("a second Open of the name: %v", err)
		}
		if c, err := conn.Lookup("names"); c != first || err != nil {
			t.Errorf("Lookup: %v, %v", c, err)
		}
		for _, name := range []string{"", "other"} {
			if _, err := conn.Lookup(name); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("Lookup(%q): %v", name, err)
			}
			if err := conn.Close(name); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("Close(%q): %v", name, err)
			}
		}
		made := map[string]bool{}
		for range 3 {
			c := openFake(t, []*member{a})
			if c.Name() == "" || made[c.Name()] {
				t.Errorf("an empty name made %q", c.Name())
			}
			made[c.Name()] = true
		}
		if err := conn.Close("names"); err != nil {
			t.Error(err)
		}
		if _, err := conn.Lookup("names"); !errors.Is(err, conn.ErrNotOpen) {
			t.Errorf("after Close: %v", err)
		}
		again, err := conn.Open(t.Context(), "names", endpoints(a), network(a))
		if err != nil {
			t.Fatal(err)
		}
		// A second Close of the first connection does not touch the one that is open under the name now.
		_ = first.Close()
		if c, _ := conn.Lookup("names"); c != again {
			t.Error("closing the first connection again took the name from the second")
		}
		_ = again.Close()
	})
}

func TestNameIsTakenWhileItIsBeingOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.Pause()
		parent, cancel := context.WithCancel(t.Context())
		var opening sync.WaitGroup
		opening.Go(func() {
			_, err := conn.Open(parent, "opening", endpoints(a), network(a), conn.WithConnectTimeout(time.Hour))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled Open: %v", err)
			}
		})
		time.Sleep(time.Second)
		if _, err := conn.Lookup("opening"); !errors.Is(err, conn.ErrNotOpen) {
			t.Errorf("Lookup while opening: %v", err)
		}
		if _, err := conn.Open(t.Context(), "opening", endpoints(a), network(a)); !errors.Is(err, conn.ErrAlreadyOpen) {
			t.Errorf("Open while opening: %v", err)
		}
		cancel()
		opening.Wait()
		a.Resume()
		c, err := conn.Open(t.Context(), "opening", endpoints(a), network(a))
		if err != nil {
			t.Fatalf("after the failure: %v", err)
		}
		_ = c.Close()
	})
}
