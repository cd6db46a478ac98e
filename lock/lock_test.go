// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
)

func TestLockGoesFromHolderToHolder(t *testing.T) {
	first, second := grant(t), grant(t)
	held := take(t, named(t).WithLease(first))
	if want := fmt.Sprintf("%s/%x", t.Name(), first); held != want {
		t.Errorf("the key is %q, want %q", held, want)
	}
	next := make(chan string, 1)
	go func() {
		r, err := lock.Lock(t.Context(), named(t).WithLease(second))
		if err != nil {
			t.Error(err)
		}
		next <- string(r.GetKey())
	}()
	await(t, 2)
	select {
	case key := <-next:
		t.Fatalf("a second client holds the lock: %q", key)
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := lock.Unlock(t.Context(), lock.New(registry).WithKey(held)); err != nil {
		t.Fatal(err)
	}
	key := <-next
	if _, err := lock.Unlock(t.Context(), lock.New(registry).WithKey(key)); err != nil {
		t.Fatal(err)
	}
	await(t, 0)
}

func TestUnlockOfALockThatIsNotOursChangesNothing(t *testing.T) {
	first := grant(t)
	old := take(t, named(t).WithLease(first))
	if _, err := lease.Revoke(t.Context(), lease.New(registry), first); err != nil {
		t.Fatal(err)
	}
	take(t, named(t).WithLease(grant(t)))
	before := keys(t)
	for range 2 {
		if _, err := lock.Unlock(t.Context(), lock.New(registry).WithKey(old)); err != nil {
			t.Fatal(err)
		}
	}
	if after := keys(t); len(after) != 1 || after[0].GetModRevision() != before[0].GetModRevision() {
		t.Errorf("before: %v, after: %v", before, after)
	}
}

func TestWaiterThatGivesUpLeavesNoKey(t *testing.T) {
	for name, c := range map[string]struct {
		parent func() (context.Context, context.CancelFunc)
		option func(ctx.Ctx) ctx.Ctx
		is     error
	}{
		"at a deadline": {
			parent: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 300*time.Millisecond)
			},
			is: context.DeadlineExceeded,
		},
		"at its timeout": {
			option: func(c ctx.Ctx) ctx.Ctx { return c.WithTimeout(300 * time.Millisecond) },
			is:     context.DeadlineExceeded,
		},
		"when cancelled": {
			parent: func() (context.Context, context.CancelFunc) {
				parent, cancel := context.WithCancel(t.Context())
				time.AfterFunc(300*time.Millisecond, cancel)
				return parent, cancel
			},
			is: context.Canceled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			take(t, named(t).WithLease(grant(t)))
			request := named(t).WithLease(grant(t))
			if c.option != nil {
				request = c.option(request)
			}
			parent := t.Context()
			if c.parent != nil {
				var cancel context.CancelFunc
				parent, cancel = c.parent()
				defer cancel()
			}
			began := time.Now()
			if _, err := lock.Lock(parent, request); !errors.Is(err, c.is) {
				t.Errorf("got %v, want %v", err, c.is)
			}
			if took := time.Since(began); took < 300*time.Millisecond || took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
			if n := len(keys(t)); n != 1 {
				t.Errorf("%d keys are below the lock's name, want that of the holder", n)
			}
		})
	}
}

func TestHolderThatLocksAgainAndGivesUpKeepsTheLock(t *testing.T) {
	id := grant(t)
	held := take(t, named(t).WithLease(id))
	if again := take(t, named(t).WithLease(id)); again != held {
		t.Errorf("the same lease holds %q and %q", held, again)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	_, _ = lock.Lock(cancelled, named(t).WithLease(id))
	if all := keys(t); len(all) != 1 || string(all[0].GetKey()) != held {
		t.Errorf("the holder has lost the lock: %v", all)
	}
}

func TestWaiterWhoseLeaseEndsIsToldSo(t *testing.T) {
	take(t, named(t).WithLease(grant(t)))
	id := grant(t)
	done := make(chan error, 1)
	go func() {
		_, err := lock.Lock(t.Context(), named(t).WithLease(id))
		done <- err
	}()
	await(t, 2)
	if _, err := lease.Revoke(t.Context(), lease.New(registry), id); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if !errors.Is(err, etcderr.ErrLeaseNotFound) {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the call has not returned")
	}
	await(t, 1)
}

func TestBadRequestsAreRefused(t *testing.T) {
	closed, err := conn.Open(t.Context(), "", []string{"127.0.0.1:1"}, conn.WithLazy())
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	f := func(context.Context, lock.Held) error { t.Error("the function has run"); return nil }
	do := func(c ctx.Ctx, ttl time.Duration, f func(context.Context, lock.Held) error) func(context.Context) error {
		return func(parent context.Context) error { return lock.Do(parent, c, ttl, f) }
	}
	try := func(c ctx.Ctx, ttl time.Duration, f func(context.Context, lock.Held) error) func(context.Context) error {
		return func(parent context.Context) error {
			held, err := lock.Try(parent, c, ttl, f)
			if held {
				t.Errorf("Try reports a turn: %v", err)
			}
			return err
		}
	}
	take := func(c ctx.Ctx) func(context.Context) error {
		return func(parent context.Context) error { _, err := lock.Lock(parent, c); return err }
	}
	acquire := func(c ctx.Ctx) func(context.Context) error {
		return func(parent context.Context) error { _, err := lock.Acquire(parent, c); return err }
	}
	drop := func(c ctx.Ctx) func(context.Context) error {
		return func(parent context.Context) error { _, err := lock.Unlock(parent, c); return err }
	}
	good, unnamed := named(t), lock.New(registry)
	const ages = 1<<63 - 1
	for name, c := range map[string]struct {
		call func(context.Context) error
		is   error
		text string
	}{
		"no name":               {take(unnamed.WithLease(7)), ctx.ErrInvalid, "lock: a lock request needs WithName"},
		"no lease":              {take(good), ctx.ErrInvalid, "lock: a lock request needs WithLease"},
		"a key for a name":      {take(good.WithLease(7).WithKey("k")), ctx.ErrInvalid, "WithKey"},
		"a timeout below 1 ms":  {take(good.WithLease(7).WithTimeout(1)), ctx.ErrInvalid, "WithTimeout(1ns)"},
		"an unknown lease":      {take(good.WithLease(4711)), etcderr.ErrLeaseNotFound, "requested lease not found"},
		"no connection":         {take(ctx.Ctx{}.WithName("n").WithLease(7)), conn.ErrNotOpen, "not open"},
		"a closed connection":   {take(good.WithConn(closed.Name()).WithLease(7)), conn.ErrNotOpen, closed.Name()},
		"an unknown endpoint":   {take(good.WithLease(7).WithEndpoint("nowhere:1")), conn.ErrEndpoint, "nowhere:1"},
		"unlock without a key":  {drop(unnamed), ctx.ErrInvalid, "lock: an unlock request needs WithKey"},
		"unlock with a name":    {drop(good.WithKey("k")), ctx.ErrInvalid, "WithName"},
		"unlock, no connection": {drop(ctx.Key("k")), conn.ErrNotOpen, "not open"},

		"acquire without a name":       {acquire(unnamed.WithLease(7)), ctx.ErrInvalid, "lock: a lock request needs WithName"},
		"acquire without a lease":      {acquire(good), ctx.ErrInvalid, "lock: a lock request needs WithLease"},
		"acquire with a value":         {acquire(good.WithLease(7).WithValue("v")), ctx.ErrInvalid, "WithValue"},
		"acquire with a range":         {acquire(good.WithLease(7).WithPrefix()), ctx.ErrInvalid, "WithPrefix"},
		"acquire with a short timeout": {acquire(good.WithLease(7).WithTimeout(1)), ctx.ErrInvalid, "WithTimeout(1ns)"},
		"acquire by an unknown lease":  {acquire(good.WithLease(4711)), etcderr.ErrLeaseNotFound, "requested lease not found"},
		"acquire, no connection":       {acquire(ctx.Ctx{}.WithName("n").WithLease(7)), conn.ErrNotOpen, "not open"},

		"do without a name":      {do(unnamed, time.Second, f), ctx.ErrInvalid, "lock: a lock.Do request needs WithName"},
		"do with a lease":        {do(good.WithLease(7), time.Second, f), ctx.ErrInvalid, "WithLease"},
		"do with a TTL of 0":     {do(good, 0, f), ctx.ErrInvalid, "lock: a TTL of 0s is below 1ms"},
		"do with a TTL of 10 ns": {do(good, 10, f), ctx.ErrInvalid, "lock: a TTL of 10ns is below 1ms"},
		"do with a TTL of ages":  {do(good, ages, f), etcderr.ErrLeaseTTLTooLarge, "too large lease TTL"},
		"do without a function":  {do(good, time.Second, nil), ctx.ErrInvalid, "lock: there is no function to run"},
		"do, no connection":      {do(ctx.Ctx{}.WithName("n"), time.Second, f), conn.ErrNotOpen, "not open"},

		"try without a name":           {try(unnamed, time.Second, f), ctx.ErrInvalid, "lock: a lock.Try request needs WithName"},
		"try with a lease":             {try(good.WithLease(7), time.Second, f), ctx.ErrInvalid, "WithLease"},
		"try with a range":             {try(good.WithPrefix(), time.Second, f), ctx.ErrInvalid, "WithPrefix"},
		"try with a value":             {try(good.WithValue("v"), time.Second, f), ctx.ErrInvalid, "WithValue"},
		"try with a TTL of 0":          {try(good, 0, f), ctx.ErrInvalid, "lock: a TTL of 0s is below 1ms"},
		"try with a negative TTL":      {try(good, -time.Second, f), ctx.ErrInvalid, "lock: a TTL of -1s is below 1ms"},
		"try with a TTL of 10 ns":      {try(good, 10, f), ctx.ErrInvalid, "lock: a TTL of 10ns is below 1ms"},
		"try with a TTL of ages":       {try(good, ages, f), etcderr.ErrLeaseTTLTooLarge, "too large lease TTL"},
		"try without a function":       {try(good, time.Second, nil), ctx.ErrInvalid, "lock: there is no function to run"},
		"try with a timeout of 1 ns":   {try(good.WithTimeout(1), time.Second, f), ctx.ErrInvalid, "WithTimeout(1ns)"},
		"try, no connection":           {try(ctx.Ctx{}.WithName("n"), time.Second, f), conn.ErrNotOpen, "not open"},
		"try with a name out of range": {try(good.WithName(strings.Repeat("n", 3<<20)), time.Minute, f), etcderr.ErrRequestTooLarge, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.call(t.Context())
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
				t.Errorf("got %v, want %v with %q", err, c.is, c.text)
			}
		})
	}
	var none context.Context
	for name, call := range map[string]func(context.Context) error{
		"Lock": take(good.WithLease(7)), "Acquire": acquire(good.WithLease(7)),
		"Do": do(good, time.Second, f), "Try": try(good, time.Second, f),
	} {
		if err := call(none); !errors.Is(err, ctx.ErrInvalid) || !strings.Contains(err.Error(), "lock: the parent context is nil") {
			t.Errorf("%s with no context: %v", name, err)
		}
	}
	if r, err := kv.Get(t.Context(), kv.New(registry).WithKey(t.Name()).WithPrefix()); err != nil || len(r.GetKvs()) > 0 {
		t.Errorf("refused requests have left keys %v, %v", r.GetKvs(), err)
	}
}
