// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/lock"
)

type way func(parent context.Context, c lock.Request, ttl time.Duration, f func(context.Context, lock.Held) error) error

func permits(n int) way {
	return func(parent context.Context, c lock.Request, ttl time.Duration, f func(context.Context, lock.Held) error) error {
		return lock.Semaphore(parent, c, n, ttl, f)
	}
}

// caller is a call that waits for its turn, or has it until it leaves.
type caller struct {
	enters chan lock.Held
	leaves chan struct{}
	ends   chan error
}

// queue starts a call and waits until its key is the nth.
func (w way) queue(t *testing.T, n int) *caller {
	t.Helper()
	c := &caller{make(chan lock.Held, 1), make(chan struct{}), make(chan error, 1)}
	go func() {
		c.ends <- w(t.Context(), named(t), time.Minute, func(held context.Context, l lock.Held) error {
			judge(t, l)
			c.enters <- l
			select {
			case <-c.leaves:
				return held.Err()
			case <-held.Done():
				return context.Cause(held)
			}
		})
	}()
	await(t, n)
	return c
}

// judge looks at the queue from within a turn. Keys that are older than the holder's can only have become fewer since.
func judge(t *testing.T, l lock.Held) {
	t.Helper()
	var older []string
	for _, pair := range keys(t) {
		value := string(pair.GetValue())
		if string(pair.GetKey()) != l.Key {
			older = append(older, value)
			continue
		}
		var n int
		_, noPermits := fmt.Sscanf(value, "permits=%d", &n)
		for i, other := range older {
			beside := value == "shared" && other == value || noPermits == nil && strings.HasPrefix(other, "permits=") && i < n-1
			if !beside {
				t.Errorf("%q has its turn behind %q", value, older)
			}
		}
		return
	}
	t.Errorf("the key of %+v is not in the queue", l)
}

// entered waits until the call has its turn.
func (c *caller) entered(t *testing.T) lock.Held {
	t.Helper()
	select {
	case l := <-c.enters:
		return l
	case err := <-c.ends:
		t.Fatalf("it has ended without a turn: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("its turn does not come")
	}
	return lock.Held{}
}

// waits fails the test if the call has its turn already.
func (c *caller) waits(t *testing.T) {
	t.Helper()
	select {
	case l := <-c.enters:
		t.Fatalf("%+v has its turn already", l)
	case err := <-c.ends:
		t.Fatalf("it has ended: %v", err)
	default:
	}
}

func (c *caller) leave(t *testing.T) {
	t.Helper()
	close(c.leaves)
	if err := <-c.ends; err != nil {
		t.Error(err)
	}
}
