// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/lease"
)

func TestLeasesSurviveAnOutageShorterThanTheirTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 60)
		c, request := fake(t, m)
		k := keep(t, request, 1)
		for range 5 {
			m.Stop()
			time.Sleep(12 * time.Second)
			if got := kept(c); len(got) != 0 {
				t.Errorf("during the outage, kept: %v", got)
			}
			began := time.Now()
			if _, err := lease.KeepAlive(t.Context(), request, 2); !errors.Is(err, conn.ErrUnavailable) || time.Since(began) > 0 {
				t.Errorf("with no Active endpoint KeepAlive took %v, and returned %v", time.Since(began), err)
			}
			if _, err := lease.KeepAliveOnce(t.Context(), request, 2); !errors.Is(err, conn.ErrUnavailable) || time.Since(began) > 0 {
				t.Errorf("with no Active endpoint KeepAliveOnce took %v, and returned %v", time.Since(began), err)
			}
			m.Start()
			time.Sleep(2 * time.Minute)
			if ended(t, k) {
				t.Fatal(k.Err())
			}
			if got := kept(c); got["a:1"] != 1 {
				t.Errorf("after the outage, kept: %v", got)
			}
		}
	})
}

func TestLeasesThatExpireSoonestAreRenewedFirstOnANewStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 0), newMember(t, "b", 0)
		ttl := func(_ context.Context, id int64) (int64, error) { return 5 + id*7%50, nil }
		a.answer(ttl)
		b.answer(ttl)
		_, request := fake(t, a, b)
		until := map[int64]*lease.Keeper{}
		for id := int64(1); id <= 500; id++ {
			until[id] = keep(t, request, id)
		}
		used, others := using(t, a, b)
		other := others[0]
		// While nothing can be sent, leases fall due.
		other.Stop()
		used.Stop()
		time.Sleep(4 * time.Second)
		before := map[int64]time.Time{}
		for id, k := range until {
			before[id] = k.ValidUntil()
		}
		other.Start()
		used.Start()
		back := time.Now()
		var seen []renewal
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			seen = append(used.seen(0), other.seen(0)...)
			seen = slices.DeleteFunc(seen, func(r renewal) bool { return r.at.Before(back) })
			if len(seen) > 0 {
				break
			}
		}
		if len(seen) < 20 {
			t.Fatalf("%d renewals after the outage", len(seen))
		}
		at := seen[0].at
		for i := 1; i < len(seen) && seen[i].at.Equal(at); i++ {
			if before[seen[i].id].Before(before[seen[i-1].id]) {
				t.Errorf("renewal %d was of a lease that had %v left, the one before it of one that had %v left", i,
					before[seen[i].id].Sub(at), before[seen[i-1].id].Sub(at))
			}
		}
	})
}

func TestBacklogIsRenewedAtOnceAndDoesNotDelayNewLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, each = 2000, time.Millisecond
		m := newMember(t, "a", 600)
		c, request := fake(t, m)
		var keepers []*lease.Keeper
		for id := int64(1); id <= n; id++ {
			keepers = append(keepers, keep(t, request, id))
		}
		time.Sleep(180 * time.Second)
		m.Stop()
		time.Sleep(60 * time.Second)
		m.answer(after(each, 600))
		m.Start()
		back := time.Now()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		keep(t, request, n+1)
		if took := time.Since(began); took > 600*each {
			t.Errorf("with a backlog of %d renewals, KeepAlive of another lease took %v", n, took)
		}
		time.Sleep(time.Until(began.Add(n*each + time.Second)))
		late := 0
		for _, k := range keepers {
			if k.ValidUntil().Before(back.Add(600 * time.Second)) {
				late++
			}
		}
		if late > 0 {
			t.Errorf("%d of %d leases that fell due in the outage have not been renewed %v after it", late, n, time.Since(back))
		}
	})
}

func TestKeepAliveWaitsForAnEndpointAsLongAsTheConnectionHasPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		_, request := fake(t, m)
		m.Pause()
		time.AfterFunc(4*time.Second, m.Resume)
		if _, err := lease.KeepAlive(t.Context(), request, 1); err != nil {
			t.Errorf("with an outage shorter than the patience: %v", err)
		}
		m.Pause()
		began := time.Now()
		_, err := lease.KeepAlive(t.Context(), request.WithTimeout(time.Minute), 2)
		if !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("with a longer one: %v", err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("that took %v", took)
		}
	})
}
