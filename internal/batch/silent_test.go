// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// oneAfterAnother makes a read every two milliseconds, so that each has a trip of its own. It returns how many got no answer before the limit,
// and how long the slowest of the others took.
func (s *server) oneAfterAnother(t *testing.T, b *Batches, n int, limit time.Duration) (unanswered int, slowest time.Duration) {
	t.Helper()
	var reading sync.WaitGroup
	var late, most atomic.Int64
	for i := range n {
		reading.Go(func() {
			began := time.Now()
			err := s.get(t.Context(), b, fmt.Sprint(i), limit)
			var left *Left
			switch {
			case errors.As(err, &left):
				late.Add(1)
			case err != nil:
				t.Error(err)
			}
			if took := int64(time.Since(began)); err == nil && took > most.Load() {
				most.Store(took)
			}
		})
		time.Sleep(2 * time.Millisecond)
	}
	reading.Wait()
	return int(late.Load()), time.Duration(most.Load())
}

func TestSilentMemberKeepsNoReadOfAnotherMemberWaiting(t *testing.T) {
	for name, silent := range map[string]func(trip int) bool{
		"one of three members":         func(trip int) bool { return trip%3 == 0 },
		"two of three members":         func(trip int) bool { return trip%3 != 0 },
		"from a moment on, one of two": func(trip int) bool { return trip > 200 && trip%2 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const reads = 1000
				s := &server{way: time.Millisecond, silent: silent}
				b := s.batches()
				b.of(Read{}).under = 1 // so nobody goes alone
				want := 0
				unanswered, slowest := s.oneAfterAnother(t, b, reads, 10*time.Second)
				for trip := range s.trips {
					if silent(trip) {
						want++
					}
				}
				if unanswered != want || slowest > 5*time.Millisecond {
					t.Errorf("%d of %d reads got no answer, want %d; the slowest of the others took %v", unanswered, reads, want, slowest)
				}
			})
		})
	}
}

func TestMembersThatAreAllSilentGetFewTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond, silent: func(int) bool { return true }}
		b := s.batches()
		b.of(Read{}).under = 1
		time.AfterFunc(5*time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.trips) != underWayMax {
				t.Errorf("%d trips have left, want %d", len(s.trips), underWayMax)
			}
		})
		if unanswered, _ := s.oneAfterAnother(t, b, 10*underWayMax, 10*time.Second); unanswered != 10*underWayMax {
			t.Errorf("%d reads got no answer", unanswered)
		}
	})
}
