// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGoroutineOfATripMakesTheNextOneUntilItHasRestedOrTheConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		life, end := context.WithCancel(t.Context())
		var made, running atomic.Int64
		c := s.config()
		c.Go = func(f func(context.Context)) error {
			made.Add(1)
			running.Add(1)
			go func() {
				f(life)
				running.Add(-1)
			}()
			return nil
		}
		b := New(c)
		want := func(wantMade, wantRunning int64) {
			t.Helper()
			synctest.Wait()
			if made.Load() != wantMade || running.Load() != wantRunning {
				t.Errorf("%d goroutines were made, and %d run; want %d and %d", made.Load(), running.Load(), wantMade, wantRunning)
			}
		}
		s.together(t, b, names(1+opsMax)...)
		want(1, 1)
		s.together(t, b, names(1+opsMax)...)
		want(1, 1)
		time.Sleep(2 * restMost)
		want(1, 0)
		s.together(t, b, names(1+opsMax)...)
		want(2, 1)
		end()
		want(2, 0)
	})
}

func TestGoroutineThatAnInterceptorEndsMakesNoOtherTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		defer end()
		var first, last int // how deep the calls were that made a trip
		var mu sync.Mutex
		s := &server{way: 900 * time.Microsecond, refuse: func(keys []string) error {
			if len(keys) == 1 {
				return nil
			}
			var frames [1000]uintptr
			mu.Lock()
			last = runtime.Callers(0, frames[:])
			first = cmp.Or(first, last)
			mu.Unlock()
			if keys[0] == "ends" {
				runtime.Goexit()
			}
			return nil
		}}
		c := s.config()
		c.Go = func(f func(context.Context)) error {
			go f(life)
			return nil
		}
		b := New(c)
		for range 20 {
			var reading sync.WaitGroup
			for _, key := range []string{"first", "ends", "a", "", "next", "b"} {
				if key == "" {
					time.Sleep(time.Millisecond) // the trip is under way
					continue
				}
				reading.Go(func() {
					if err := s.get(t.Context(), b, key, time.Minute); err != nil {
						t.Errorf("%s: %v", key, err)
					}
				})
				synctest.Wait()
			}
			reading.Wait()
		}
		if last > first+10 {
			t.Errorf("the first trip was made below %d calls, and the last one below %d", first, last)
		}
	})
}

func TestNextTripWaitsUntilAllRidersHaveLeftTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(Linearizable, (&server{}).config())
		over := newTrip(&q.config)
		riders := []*seat{{deadline: time.Now().Add(time.Minute)}, {deadline: time.Now().Add(time.Minute)}}
		for _, s := range riders {
			over.add(s)
		}
		q.leaves(over)
		over.leave()
		over.end()
		var lingered atomic.Bool
		go func() {
			q.linger(over)
			lingered.Store(true)
		}()
		for i, s := range riders {
			synctest.Wait()
			if lingered.Load() {
				t.Errorf("the next trip may leave although %d riders of the last one have not run", len(riders)-i)
			}
			s.ended = t.Context().Done()
			if left := s.wait(); left != nil {
				t.Errorf("rider %d has left before the end: %v", i, left)
			}
			over.leave()
		}
		synctest.Wait()
		if !lingered.Load() {
			t.Error("the next trip waits although all riders of the last one have run")
		}
	})
}

// endless is a context of the user's whose Done panics.
type endless struct{ context.Context }

func (endless) Done() <-chan struct{} { panic("of a context") }

func TestNextTripWaitsForNoRiderWhoseContextPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		var reading sync.WaitGroup
		for _, parent := range []context.Context{t.Context(), endless{t.Context()}, t.Context()} {
			reading.Go(func() {
				defer func() { _ = recover() }()
				if err := s.get(parent, b, "k", time.Minute); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		reading.Wait()
		synctest.Wait() // the trip is over
		s.together(t, b, "last")
		if want := []string{"k", "last"}; !slices.Equal(s.alone, want) {
			t.Errorf("%q were read alone, want %q", s.alone, want)
		}
	})
}
