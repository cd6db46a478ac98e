// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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
