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

	"google.golang.org/protobuf/proto"
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
	c := s.config()
	var driving sync.WaitGroup
	c.Go = func(f func(context.Context)) error {
		driving.Go(func() { f(ended) })
		return nil
	}
	b := New(c)
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
	driving.Wait()
	if q := b.of(Read{}); q.under != 0 {
		t.Errorf("%d requests are under way although all reads have ended", q.under)
	}
	if lent := s.memory.lent.Load(); lent != 0 {
		t.Errorf("the memory of %d trips is in use although none is under way", lent)
	}
}

func TestRiderWhoseAnswerPanicsLeavesItsTrip(t *testing.T) {
	c := (&server{}).config()
	over := newTrip(&c)
	s := &seat{deadline: time.Now().Add(time.Minute)}
	over.add(s)
	over.leave()
	over.end()
	func() {
		defer func() { _ = recover() }()
		_, _, _ = s.getOff(nil) // the trip has no answer for it
		t.Error("no panic")
	}()
	select {
	case <-over.vacant:
	default:
		t.Error("the rider is still there")
	}
}

func TestEachOperationHasOnePlaceInALoad(t *testing.T) {
	l := newLoad(true)
	for range 3 {
		for range 2 {
			for i, key := range names(opsMax) {
				if at := l.add([]byte(key)); at != i {
					t.Fatalf("%s is at %d, want %d", key, at, i)
				}
			}
		}
		l.empty()
	}
}

func TestLoadKeepsItsRoomForAnotherTrip(t *testing.T) {
	l := newLoad(true)
	var m memory
	for range 2 {
		if at := []int{l.add([]byte("a")), l.add([]byte("b")), l.add([]byte("a"))}; !slices.Equal(at, []int{0, 1, 0}) {
			t.Errorf("the operations are at %v", at)
		}
		l.of = append(l.of, 0, 1, 0)
		if err := m.receive(someAnswers(), &l.answers); err != nil {
			t.Fatal(err)
		}
		l.empty()
		if n := len(l.request.Success) + len(l.of) + proto.Size(&l.answers); n != 0 {
			t.Errorf("%d of what an earlier trip had", n)
		}
		if min(cap(l.request.Success), cap(l.of), cap(l.answers.Responses)) == 0 {
			t.Errorf("no room for operations, riders or answers: %d, %d, %d", cap(l.request.Success), cap(l.of), cap(l.answers.Responses))
		}
	}
}
