// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryOfATripServesOthersUnlessAnInterceptorMayUseIt(t *testing.T) {
	for _, private := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{way: 900 * time.Microsecond}
			c := s.config()
			c.Private = private
			b := New(c)
			const trips = 10
			for range trips {
				var reading sync.WaitGroup
				for i := range 4 {
					parent, cancel := context.WithCancel(t.Context())
					defer cancel()
					if i == 2 {
						time.AfterFunc(time.Millisecond, cancel) // while the trip is under way
					}
					reading.Go(func() {
						time.Sleep(time.Duration(i) * time.Microsecond)
						err := s.get(parent, b, fmt.Sprint("k", i), time.Minute)
						if left := new(Left); (i == 2) != errors.As(err, &left) {
							t.Errorf("reader %d: %v", i, err)
						}
					})
				}
				reading.Wait()
				synctest.Wait()
			}
			s.want(t, trips, slices.Repeat([]int{3}, trips)...)
			if lent, want := s.memory.lent.Load(), map[bool]int64{true: 0, false: trips}[private]; lent != want {
				t.Errorf("private %t: the memory of %d trips is in use, want %d", private, lent, want)
			}
		})
	}
}

// The memory of this server has other things in it as soon as a trip gives it back.
func TestRidersThatComeAndGoGetTheirOwnAnswers(t *testing.T) {
	const readers, reads = 64, 200
	s := &server{way: 200 * time.Microsecond, value: func(key string) string { return strings.Repeat(key, 10) }}
	b := s.batches()
	var reading sync.WaitGroup
	for i := range readers {
		reading.Go(func() {
			for n := range reads {
				parent, cancel := context.WithTimeout(t.Context(), time.Duration(50+rand.IntN(2000))*time.Microsecond)
				limit := time.Duration(50+rand.IntN(2000)) * time.Microsecond
				if n%4 == 0 {
					cancel()
					parent, cancel = context.WithCancel(t.Context())
					limit = time.Minute
				}
				err := s.get(parent, b, fmt.Sprintf("%d/%d", i, n), limit)
				cancel()
				if left := new(Left); err != nil && (n%4 == 0 || !errors.As(err, &left)) {
					t.Error(err)
				}
			}
		})
	}
	reading.Wait()
	if q := b.of(Read{}); !quiet(q) {
		t.Error("requests are under way although all reads have ended")
	}
	if lent := s.memory.lent.Load(); lent != 0 {
		t.Errorf("the memory of %d trips is in use although none is under way", lent)
	}
}

// quiet reports whether nothing of a queue is under way, after a while for the goroutines of the last trips.
func quiet(q *queue) bool {
	for range 1000 {
		q.mu.Lock()
		under := q.under
		q.mu.Unlock()
		if under == 0 {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}
