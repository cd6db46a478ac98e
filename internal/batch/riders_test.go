// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/gen/batchpb"
)

func TestRiderLeavesAtItsDeadlineAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Second}
		b := s.batches()
		cancelled, cancel := context.WithCancel(t.Context())
		var reading sync.WaitGroup
		reading.Go(func() { s.together(t, b, "first", "second") })
		time.Sleep(10 * time.Microsecond)
		for _, rider := range []struct {
			parent context.Context
			limit  time.Duration
			sent   bool
		}{{t.Context(), 500 * time.Microsecond, false}, {t.Context(), 100 * time.Millisecond, true}, {cancelled, time.Minute, true}} {
			reading.Go(func() {
				var left *Left
				err := s.get(rider.parent, b, "k", rider.limit)
				if !errors.As(err, &left) || (left.Endpoint != "") != rider.sent {
					t.Errorf("rider with %v: %#v", rider.limit, err)
				}
			})
		}
		time.Sleep(200 * time.Millisecond)
		cancel()
		reading.Wait()
		s.want(t, 1, 2)
	})
}

func TestTripWithoutRidersIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Minute}
		b := s.batches()
		go func() { _ = s.get(context.Background(), b, "first", time.Hour) }()
		synctest.Wait()
		cancelled, cancel := context.WithCancel(t.Context())
		go func() { _ = s.get(cancelled, b, "k", time.Hour) }()
		time.Sleep(10 * time.Millisecond)
		cancel()
		synctest.Wait()
		s.mu.Lock()
		if len(s.ended) != 1 || !errors.Is(s.ended[0], context.Canceled) {
			t.Errorf("trips ended with %v", s.ended)
		}
		s.mu.Unlock()
		time.Sleep(time.Hour)
	})
}

func TestTripWhoseOnlyRiderHasLeftBeforeItLeavesTakesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Second}
		b := s.batches()
		var reading sync.WaitGroup
		reading.Go(func() {
			if err := s.get(t.Context(), b, "first", time.Minute); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		var left *Left
		if err := s.get(t.Context(), b, "leaves", 100*time.Microsecond); !errors.As(err, &left) {
			t.Errorf("the first rider: %v", err)
		}
		s.together(t, b, "a", "b")
		reading.Wait()
		s.want(t, 1, 2)
	})
}

func TestTripThatPanicsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Second, refuse: func(keys []string) error {
			if len(keys) > 1 {
				panic("of an interceptor")
			}
			return nil
		}}
		b := s.batches()
		s.together(t, b, "first", "a", "b")
		s.want(t, 3, 2)
	})
}

func TestTripWhoseGoroutineEndsIsRefusedAndTheNextOneLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, refuse: func(keys []string) error {
			if len(keys) > 1 {
				runtime.Goexit() // as t.FailNow in an interceptor
			}
			return nil
		}}
		b := s.batches()
		began := time.Now()
		for range 2 {
			s.together(t, b, "first", "a", "b")
		}
		s.want(t, 6, 2, 2)
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("the reads took %v", took)
		}
		if q := b.of(Read{}); q.under != 0 || len(q.trips) != 0 {
			t.Errorf("%d requests and %d trips are under way", q.under, len(q.trips))
		}
	})
}

func TestContextsOfTheRidersAreGatheredOnlyWhereSomebodyObserves(t *testing.T) {
	type name struct{}
	for _, observed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{way: 20 * time.Millisecond}
			c := s.config()
			c.Observed = observed
			b := New(c)
			var reading sync.WaitGroup
			for key, limit := range map[string]time.Duration{"a": time.Minute, "b": time.Minute, "leaves": 100 * time.Microsecond} {
				reading.Go(func() {
					time.Sleep(time.Microsecond) // after the first one
					_ = s.get(context.WithValue(t.Context(), name{}, key), b, "k", limit)
				})
			}
			s.together(t, b, "first")
			reading.Wait()
			var travelled []string
			for _, trip := range s.riders {
				for _, parent := range trip {
					travelled = append(travelled, parent.Value(name{}).(string))
				}
			}
			slices.Sort(travelled)
			if want := map[bool]string{false: "[]", true: "[a b]"}[observed]; fmt.Sprint(travelled) != want {
				t.Errorf("observed %t: the riders are %v, want %v", observed, travelled, want)
			}
		})
	}
}

func TestRidersKnowTheAttemptsOfTheirTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Second}
		c := s.config()
		c.Send = func(
			parent context.Context, riders []context.Context, deadline time.Time, kind Kind, r *batchpb.Reads, a *Answers, p *Progress,
		) error {
			p.Begins("a")
			p.Fails(errors.New("failed"))
			p.Begins("b")
			p.Hedges()
			time.Sleep(10 * time.Millisecond)
			p.AnsweredBy("c")
			return errors.New("failed again")
		}
		b := New(c)
		go func() { _ = s.get(context.Background(), b, "first", time.Hour) }()
		synctest.Wait()
		for limit, want := range map[time.Duration]Ride{
			500 * time.Microsecond: {},
			5 * time.Millisecond:   {Endpoint: "b", Attempts: 3, Hedged: true},
			time.Minute:            {Endpoint: "c", Attempts: 3, Hedged: true},
		} {
			answer, ride, err := b.Get(t.Context(), time.Now().Add(limit), Read{Key: "k"}, nil)
			if ride != want || answer != nil || err == nil {
				t.Errorf("a rider with %v: %+v, %v, %v; want %+v", limit, ride, answer, err, want)
			}
		}
		time.Sleep(time.Minute)
	})
}

func TestRidersOfAClosedConnectionAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, closed := &server{way: time.Second}, errors.New("closed")
		b := New(Config{Send: s.send, Go: func(func(context.Context)) error { return closed }})
		go func() { _ = s.get(context.Background(), b, "first", time.Hour) }()
		synctest.Wait()
		if err := s.get(t.Context(), b, "k", time.Hour); !errors.Is(err, closed) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		s.want(t, 1)
	})
}
