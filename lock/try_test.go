// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
)

func TestTryRunsWhereTheLockIsFreeAndReturnsWhatTheFunctionDid(t *testing.T) {
	mine := errors.New("mine")
	for _, want := range []error{nil, mine} {
		runs := 0
		held, err := lock.Try(t.Context(), named(t), time.Minute, func(held context.Context, l lock.Held) error {
			runs++
			if n := len(keys(t)); n != 1 || l.Rev != keys(t)[0].GetCreateRevision() {
				t.Errorf("%d keys are there, and %+v holds", n, l)
			}
			return want
		})
		if !held || !errors.Is(err, want) || runs != 1 {
			t.Errorf("got %t, %v after %d runs", held, err, runs)
		}
		await(t, 0)
	}
}

func TestTryLeavesNoTraceWhereTheLockIsTaken(t *testing.T) {
	take(t, named(t).WithLease(grant(t)))
	before := revision(t)
	granted := leases(t)
	for range 20 {
		held, err := lock.Try(t.Context(), named(t), time.Minute, func(context.Context, lock.Held) error {
			t.Error("the function has run")
			return nil
		})
		if held || err != nil {
			t.Errorf("got %t, %v", held, err)
		}
	}
	if after := revision(t); after != before {
		t.Errorf("the store was at revision %d, and is at %d", before, after)
	}
	if n := leases(t); n != granted {
		t.Errorf("there were %d leases, and are %d", granted, n)
	}
}

func TestTryEndsAtTheDefaultTimeout(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	const limit = 300 * time.Millisecond
	c, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithDefaultTimeout(limit), conn.WithPatience(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cluster.Member(0).Pause()
	defer cluster.Member(0).Resume()
	parent, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(20*time.Second, cancel).Stop()
	held, err := lock.Try(parent, lock.New(c.Name()).WithName("n"), time.Minute, func(context.Context, lock.Held) error { return nil })
	if held || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, lock.ErrNotAcquired) {
		t.Errorf("got %t, %v", held, err)
	}
}

func TestOfManyConcurrentTriesOneRunsAndTheOthersReturnFalse(t *testing.T) {
	for range 10 {
		var runs, taken atomic.Int64
		var all sync.WaitGroup
		over := make(chan struct{})
		for range 8 {
			all.Go(func() {
				held, err := lock.Try(t.Context(), named(t), time.Minute, func(context.Context, lock.Held) error {
					runs.Add(1)
					<-over
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if !held && taken.Add(1) == 7 {
					close(over)
				}
			})
		}
		all.Wait()
		if runs.Load() != 1 {
			t.Errorf("%d functions have run at the same time", runs.Load())
		}
		await(t, 0)
	}
}

// A time that is too short for the cluster's answer says nothing of the lock.
func TestTryThatRunsOutOfTimeDoesNotSayThatTheLockIsTaken(t *testing.T) {
	ran := 0
	for range 50 {
		held, err := lock.Try(t.Context(), named(t).WithTimeout(time.Millisecond), time.Minute,
			func(context.Context, lock.Held) error { ran++; return nil })
		if held == errors.Is(err, lock.ErrNotAcquired) {
			t.Errorf("got %t, %v", held, err)
		}
		if !held && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	t.Logf("%d of 50 had the lock within 1 ms", ran)
	await(t, 0)
}

func TestErrNotAcquiredSaysThatTheFunctionDidNotRun(t *testing.T) {
	closed, err := conn.Open(t.Context(), "", []string{"127.0.0.1:1"}, conn.WithLazy())
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	ended, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("cause")
	cancel(cause)
	take(t, named(t).WithLease(grant(t)))
	free := named(t).WithName(t.Name() + ":free")
	nothing := func(context.Context, lock.Held) error { return nil }
	within := func(err error) func(context.Context, lock.Held) error {
		return func(context.Context, lock.Held) error { return err }
	}
	hasty := named(t).WithTimeout(100 * time.Millisecond)
	for name, c := range map[string]struct {
		parent context.Context
		c      ctx.Ctx
		f      func(context.Context, lock.Held) error
		never  bool
		is     error
	}{
		"it runs":                        {t.Context(), free, nothing, false, nil},
		"it fails":                       {t.Context(), free, within(cause), false, cause},
		"it fails for another lock":      {t.Context(), free, within(lock.Do(ended, free, time.Minute, nothing)), false, cause},
		"the wait runs out of time":      {t.Context(), hasty, nothing, true, context.DeadlineExceeded},
		"the context has ended":          {ended, free, nothing, true, context.Canceled},
		"the context has ended, why":     {ended, free, nothing, true, cause},
		"the request makes no sense":     {t.Context(), free.WithKey("k"), nothing, true, ctx.ErrInvalid},
		"there is no connection":         {t.Context(), free.WithConn(closed.Name()), nothing, true, conn.ErrNotOpen},
		"the TTL is below a millisecond": {t.Context(), free, nil, true, ctx.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			ttl := time.Minute
			if c.f == nil {
				c.f, ttl = nothing, 10
			}
			err := lock.Do(c.parent, c.c, ttl, c.f)
			if errors.Is(err, lock.ErrNotAcquired) != c.never || !errors.Is(err, c.is) {
				t.Errorf("got %v", err)
			}
			t.Log(err)
		})
	}
}

// revision is that of the store.
func revision(t *testing.T) int64 {
	t.Helper()
	r, err := kv.Get(t.Context(), kv.New(registry).WithKey("none"))
	if err != nil {
		t.Fatal(err)
	}
	return r.GetHeader().GetRevision()
}
