// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
)

// TestEachKindEntersBesideThoseItAllows says for each queue how many of its calls have a turn while nobody leaves.
func TestEachKindEntersBesideThoseItAllows(t *testing.T) {
	do, read, one, two, three, ten := way(lock.Do), way(lock.Shared), permits(1), permits(2), permits(3), permits(10)
	for name, c := range map[string]struct {
		queue []way
		enter int
	}{
		"readers":                            {[]way{read, read, read, read}, 4},
		"a reader and a writer":              {[]way{read, do}, 1},
		"a writer and readers":               {[]way{do, read, read}, 1},
		"readers behind a waiting writer":    {[]way{read, read, do, read}, 2},
		"three permits":                      {[]way{three, three, three, three, three}, 3},
		"one permit":                         {[]way{one, one}, 1},
		"ten permits":                        {slices.Repeat([]way{ten}, 13), 10},
		"a permit and a writer":              {[]way{two, do, two}, 1},
		"a permit and a reader":              {[]way{two, read, two}, 1},
		"a reader and a permit":              {[]way{read, two, read}, 1},
		"a writer and permits":               {[]way{do, two, two}, 1},
		"three permits, two among them":      {[]way{three, two, three, two}, 3},
		"a single permit among three":        {[]way{one, three, three, three}, 3},
		"a single permit behind one of many": {[]way{three, one}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []*caller
			for i, w := range c.queue {
				all = append(all, w.queue(t, i+1))
			}
			for i, caller := range all {
				if i < c.enter {
					caller.entered(t)
				} else {
					caller.waits(t)
				}
			}
			for i, caller := range all { // each one that leaves lets the others in, in their order
				if i >= c.enter {
					caller.entered(t)
				}
				caller.leave(t)
			}
			await(t, 0)
		})
	}
}

// TestPermitsCountOlderCallsOnly has a call with few permits between calls with many. It waits until nobody older is left, while a
// younger call runs, and runs beside that one then.
func TestPermitsCountOlderCallsOnly(t *testing.T) {
	k1 := permits(3).queue(t, 1)
	k1.entered(t)
	k2 := permits(1).queue(t, 2)
	k3 := permits(3).queue(t, 3)
	k3.entered(t)
	k2.waits(t)
	k1.leave(t)
	k2.entered(t)
	k3.leave(t)
	k2.leave(t)
	await(t, 0)
}

// TestDoWaitsForEachReader has the reader just ahead of the writer leave before an older one.
func TestDoWaitsForEachReader(t *testing.T) {
	const readers = 3
	for first := range readers {
		var all []*caller
		for i := range readers {
			all = append(all, way(lock.Shared).queue(t, i+1))
			all[i].entered(t)
		}
		alone := way(func(parent context.Context, c lock.Request, ttl time.Duration, f func(context.Context, lock.Held) error) error {
			return lock.Do(parent, c, ttl, func(held context.Context, l lock.Held) error {
				if n := len(keys(t)); n != 1 {
					t.Errorf("the writer holds in a queue of %d", n)
				}
				return f(held, l)
			})
		})
		writer := alone.queue(t, readers+1)
		for i := range readers {
			all[(first+readers-i)%readers].leave(t)
			if i < readers-1 {
				writer.waits(t)
			}
		}
		writer.entered(t)
		writer.leave(t)
	}
}

// TestAnyHolderOfAPermitLetsTheNextCallIn has holders leave in each order, and a waiter give up its place.
func TestAnyHolderOfAPermitLetsTheNextCallIn(t *testing.T) {
	const n = 3
	for first := range n {
		var all []*caller
		for i := range n + 2 {
			all = append(all, permits(n).queue(t, i+1))
		}
		for i := range n {
			all[i].entered(t)
		}
		short, cancel := context.WithCancelCause(t.Context())
		why := errors.New("why")
		gone := make(chan error, 1)
		go func() {
			gone <- lock.Semaphore(short, named(t), n, time.Minute, func(context.Context, lock.Held) error { return nil })
		}()
		await(t, n+3)
		last := permits(n).queue(t, n+4)
		cancel(why)
		if err := <-gone; !errors.Is(err, why) || !errors.Is(err, lock.ErrNotAcquired) {
			t.Errorf("got %v", err)
		}
		all[first].leave(t)
		all[n].entered(t)
		all[n+1].waits(t)
		all[(first+1)%n].leave(t)
		all[n+1].entered(t)
		last.waits(t)
		all[n+1].leave(t)
		last.entered(t)
		for _, c := range []*caller{last, all[n], all[(first+2)%n]} {
			c.leave(t)
		}
		await(t, 0)
	}
}

// TestPermitsKeepToTheirNumber queues four times as many calls as there are permits.
func TestPermitsKeepToTheirNumber(t *testing.T) {
	const n, callers = 3, 12
	var inside, most atomic.Int64
	var all sync.WaitGroup
	full := make(chan struct{})
	complete := sync.OnceFunc(func() { close(full) })
	for range callers {
		all.Go(func() {
			err := lock.Semaphore(t.Context(), named(t), n, time.Minute, func(held context.Context, l lock.Held) error {
				now := inside.Add(1)
				defer inside.Add(-1)
				for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
				}
				if now == n {
					complete()
				}
				<-full // the first n hold together
				judge(t, l)
				return held.Err()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() != n {
		t.Errorf("%d held at the same time", most.Load())
	}
	await(t, 0)
}

func TestTryAndLockTreatReadersAndPermitsAsHolders(t *testing.T) {
	for name, w := range map[string]way{"shared": lock.Shared, "permits": permits(2)} {
		t.Run(name, func(t *testing.T) {
			holder := w.queue(t, 1)
			holder.entered(t)
			held, err := lock.Try(t.Context(), named(t), time.Minute, func(context.Context, lock.Held) error {
				t.Error("it has run")
				return nil
			})
			if held || err != nil {
				t.Errorf("Try returned %t, %v", held, err)
			}
			c := named(t).WithLease(grant(t)).WithTimeout(200 * time.Millisecond)
			if _, err := lock.Acquire(t.Context(), c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Acquire returned %v", err)
			}
			holder.leave(t)
			await(t, 0)
		})
	}
}

func TestBadRequestsForReadersAndPermitsAreRefused(t *testing.T) {
	good := named(t)
	var none context.Context
	f := func(context.Context, lock.Held) error { t.Error("it has run"); return nil }
	for kind, w := range map[string]way{
		"shared": lock.Shared, "permits": permits(2), "no permits": permits(0), "-1 permits": permits(-1),
	} {
		for name, c := range map[string]struct {
			parent context.Context
			c      ctx.Ctx
			ttl    time.Duration
			f      func(context.Context, lock.Held) error
			is     error
		}{
			"as it is":            {t.Context(), good, time.Minute, f, nil},
			"no name":             {t.Context(), lock.New(registry), time.Minute, f, kv.ErrInvalid},
			"a key":               {t.Context(), good.WithKey("k"), time.Minute, f, kv.ErrInvalid},
			"a range":             {t.Context(), good.WithPrefix(), time.Minute, f, kv.ErrInvalid},
			"a value":             {t.Context(), good.WithValue("shared"), time.Minute, f, kv.ErrInvalid},
			"a lease":             {t.Context(), good.WithLease(7), time.Minute, f, kv.ErrInvalid},
			"a TTL of 0":          {t.Context(), good, 0, f, kv.ErrInvalid},
			"a TTL of 10 ns":      {t.Context(), good, 10, f, kv.ErrInvalid},
			"a TTL of ages":       {t.Context(), good, 1<<63 - 1, f, etcderr.ErrLeaseTTLTooLarge},
			"no function":         {t.Context(), good, time.Minute, nil, kv.ErrInvalid},
			"no context":          {none, good, time.Minute, f, kv.ErrInvalid},
			"a timeout of 1 ns":   {t.Context(), good.WithTimeout(1), time.Minute, f, kv.ErrInvalid},
			"no connection":       {t.Context(), ctx.Ctx{}.WithName("n"), time.Minute, f, conn.ErrNotOpen},
			"an unknown endpoint": {t.Context(), good.WithEndpoint("nowhere:1"), time.Minute, f, conn.ErrEndpoint},
		} {
			if kind == "no permits" || kind == "-1 permits" {
				c.is = kv.ErrInvalid
			} else if c.is == nil {
				continue
			}
			err := w(c.parent, c.c, c.ttl, c.f)
			if !errors.Is(err, c.is) || !errors.Is(err, lock.ErrNotAcquired) {
				t.Errorf("%s, %s: got %v, want %v", kind, name, err, c.is)
			}
		}
	}
	await(t, 0)
}
