// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoneReadsGoAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		for _, key := range names(5) {
			s.together(t, b, key)
		}
		s.want(t, 5)
	})
}

func TestReadsTravelTogetherOnceNothingIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond}
		s.together(t, s.batches(), names(10)...)
		s.want(t, 1, 9)
	})
}

func TestEqualReadsAreSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond}
		s.together(t, s.batches(), "a", "b", "b", "c", "b")
		s.want(t, 1, 2)
	})
}

func TestReadsOfDifferentKindsTravelApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		for _, r := range []Read{{Key: "k"}, {Key: "k", Serializable: true}} {
			if b.of(r).board(&seat{}, r) {
				t.Error("a read waits for one of the other kind")
			}
		}
	})
}

func TestReadsWaitAtMostForTheirPatienceOnALongWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 50 * time.Millisecond}
		b := s.batches()
		began := time.Now()
		s.together(t, b, names(10)...)
		if took := time.Since(began); took > s.way+2*time.Millisecond {
			t.Errorf("ten reads took %v on a way of %v", took, s.way)
		}
		s.want(t, 1, 9)
	})
}

// A way that has become longer looks like a busy server at first, for which reads wait up to 50 ms.
func TestRidersLeaveInTimeForTheirDeadlines(t *testing.T) {
	for _, limit := range []time.Duration{50 * time.Millisecond, 70 * time.Millisecond, 90 * time.Millisecond} {
		t.Run(limit.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{way: 500 * time.Microsecond}
				b := s.batches()
				for range 200 {
					s.together(t, b, "k")
				}
				s.mu.Lock()
				s.way = 41 * time.Millisecond
				s.mu.Unlock()
				var reading sync.WaitGroup
				end := time.Now().Add(5 * time.Second)
				for i := range 20 {
					reading.Go(func() {
						for n := 0; time.Now().Before(end); n++ {
							if err := s.get(t.Context(), b, fmt.Sprint("k", i), limit); err != nil {
								t.Errorf("read %d of reader %d, which takes %v alone: %v", n, i, s.way, err)
								return
							}
							time.Sleep(time.Duration(3+i) * time.Millisecond)
						}
					})
				}
				reading.Wait()
				if len(s.trips) == 0 {
					t.Error("no reads travelled together")
				}
			})
		})
	}
}

// Trips of one rider each would be a storm of requests that nobody waits for.
func TestRidersThatCannotBeInTimeTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 41 * time.Millisecond}
		b := s.batches()
		for range 3 {
			s.together(t, b, "k")
		}
		s.want(t, 3)
		var reading sync.WaitGroup
		reading.Go(func() {
			if err := s.get(t.Context(), b, "alone", time.Minute); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for _, key := range names(5) {
			reading.Go(func() {
				if s.get(t.Context(), b, key, 10*time.Millisecond) == nil {
					t.Error("an answer came in time")
				}
			})
		}
		reading.Wait()
		synctest.Wait()
		s.want(t, 1, 5)
	})
}

func TestFullTripsLeaveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		began := time.Now()
		s.together(t, s.batches(), names(1+2*opsMax)...)
		if took := time.Since(began); took != s.way {
			t.Errorf("full trips took %v on a way of %v", took, s.way)
		}
		s.want(t, 1, opsMax, opsMax)
	})
}

// trips are some that nothing comes of.
func trips(n int) []*trip {
	all := make([]*trip, n)
	for i := range all {
		all[i] = &trip{}
	}
	return all
}

func TestFullTripsWaitInLineWhileManyAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Second}
		q := s.batches().of(Read{})
		q.under, q.trips = underWayMax, trips(underWayMax)
		for i := range opsMax {
			r := Read{Key: fmt.Sprint(i)}
			if !q.board(q.seats.of(t.Context(), r, time.Now().Add(time.Minute)), r) {
				t.Fatal("no seat")
			}
		}
		want := func(line int) {
			t.Helper()
			q.mu.Lock()
			defer q.mu.Unlock()
			if q.under != underWayMax || len(q.line) != line {
				t.Errorf("%d under way, %d in line; want %d in line", q.under, len(q.line), line)
			}
		}
		want(1)
		q.after(q.trips[0], outcome{})
		want(0)
		time.Sleep(time.Minute)
	})
}

func TestRiderThatHasLostPatienceLeavesHoweverManyReadsGoAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		b.of(Read{}).under = 10 * underWayMax // they never come back
		began := time.Now()
		if err := s.get(t.Context(), b, "k", time.Minute); err != nil || time.Since(began) > 5*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestRiderThatHasLostPatienceLeavesWithTheReturnOfATrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		q := b.of(Read{})
		q.under, q.trips = underWayMax+1, trips(underWayMax)
		read := make(chan error, 1)
		go func() { read <- s.get(t.Context(), b, "k", time.Minute) }()
		time.Sleep(time.Second)
		if len(read) != 0 {
			t.Error("more trips than allowed are under way")
		}
		if next := q.after(q.trips[0], outcome{}); next == nil {
			t.Error("the trip that is late does not leave")
		} else {
			go q.drive(t.Context(), next)
		}
		if err := <-read; err != nil {
			t.Error(err)
		}
	})
}

func TestLargeValueTravelsAloneOnceItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, value: func(key string) string {
			if key == "large" {
				return strings.Repeat("v", 1<<20)
			}
			return key
		}}
		b := s.batches()
		s.together(t, b, "a", "large", "b")
		s.want(t, 1, 2)
		s.together(t, b, "a", "large", "b")
		s.want(t, 2, 1)
	})
}
