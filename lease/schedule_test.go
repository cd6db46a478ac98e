// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestRenewalsGoOutEveryThirdOfTheTTL(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, 2 * time.Second, 10 * time.Second, 10 * time.Minute} {
		t.Run(ttl.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a", int64(ttl/time.Second))
				_, c := fake(t, m)
				k := keep(t, c, 7)
				if k.ID() != 7 || k.TTL() != ttl {
					t.Errorf("the Keeper of lease 7 with a TTL of %v reports ID %d and TTL %v", ttl, k.ID(), k.TTL())
				}
				const n = 50
				time.Sleep(n * ttl * 12 / 30)
				if err := k.Err(); err != nil {
					t.Fatal(err)
				}
				seen := m.seen(7)
				if len(seen) < n {
					t.Fatalf("%d renewals in %v", len(seen), n*ttl*12/30)
				}
				earliest, latest := ttl*95/300, ttl*105/300+max(ttl/48, 10*time.Millisecond)
				gaps := map[time.Duration]bool{}
				for i := 1; i < len(seen); i++ {
					gap := seen[i].at.Sub(seen[i-1].at)
					if gap < earliest || gap > latest {
						t.Errorf("renewal %d came %v after the one before, want %v to %v", i, gap, earliest, latest)
					}
					gaps[gap] = true
				}
				if len(gaps) < 2 {
					t.Errorf("the time between renewals is always %v", gaps)
				}
				if want := seen[len(seen)-1].at.Add(ttl); !k.ValidUntil().Equal(want) {
					t.Errorf("valid until %v, want %v", k.ValidUntil(), want)
				}
			})
		})
	}
}

func TestManyLeasesAreRenewedInFewBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 30)
		_, c := fake(t, m)
		const n = 1000
		for id := int64(1); id <= n; id++ {
			keep(t, c, id)
			time.Sleep(10 * time.Millisecond) // so that they fall due over a whole interval
		}
		began := time.Now()
		time.Sleep(50 * time.Second)
		times, renewals := map[time.Time]bool{}, 0
		for _, r := range m.seen(0) {
			if r.at.After(began) {
				times[r.at] = true
				renewals++
			}
		}
		if least := 4 * n; renewals < least {
			t.Errorf("%d renewals of %d leases in 5 intervals", renewals, n)
		}
		if most := 5*40 + 1; len(times) > most {
			t.Errorf("%d wake-ups for %d renewals, want at most %d", len(times), renewals, most)
		}
		if m.opened != 1 {
			t.Errorf("%d streams", m.opened)
		}
	})
}

func TestLeasesGrantedTogetherAreNotRenewedTogetherForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 30)
		_, c := fake(t, m)
		for id := int64(1); id <= 100; id++ {
			keep(t, c, id)
		}
		time.Sleep(10 * time.Minute)
		began := time.Now()
		time.Sleep(10 * time.Second)
		times := map[string]int{}
		for _, r := range m.seen(0) {
			if r.at.After(began) {
				times[fmt.Sprint(r.at.Sub(began))]++
			}
		}
		if len(times) < 5 {
			t.Errorf("after 60 renewals 100 leases are still renewed at %d times only: %v", len(times), times)
		}
	})
}

func TestKeepersOfOneLeaseShareItsRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 30)
		c, request := fake(t, m)
		first, second := keep(t, request, 1), keep(t, request, 1)
		before := len(m.seen(1))
		time.Sleep(101 * time.Second)
		if n := len(m.seen(1)) - before; n < 8 || n > 11 {
			t.Errorf("two Keepers sent %d renewals in 10 intervals", n)
		}
		if got := kept(c); got["a:1"] != 1 {
			t.Errorf("two Keepers of one lease count as %v", got)
		}
		_ = first.Close()
		time.Sleep(time.Minute)
		if !ended(t, first) || ended(t, second) {
			t.Errorf("after Close of the first of two Keepers they have ended: %v, %v", ended(t, first), ended(t, second))
		}
		if !time.Now().Before(second.ValidUntil()) {
			t.Errorf("the second is valid until %v", second.ValidUntil())
		}
	})
}
