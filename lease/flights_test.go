// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/lease"
)

func TestSlowMemberGetsMoreTimeWithEachSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		m.answer(after(2200*time.Millisecond, 10))
		_, request := fake(t, m)
		k := keep(t, request, 1)
		time.Sleep(5 * time.Minute)
		if ended(t, k) {
			t.Error(k.Err())
		}
	})
}

func TestAnswersOutOfOrderRenewTheLeasesThatTheyName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 9)
		_, request := fake(t, m)
		var keepers []*lease.Keeper
		for id := int64(1); id <= 20; id++ {
			keepers = append(keepers, keep(t, request, id))
		}
		var passed atomic.Int64
		m.answer(func(context.Context, int64) (int64, error) {
			if passed.Add(1)%3 != 0 {
				return 9, errOvertaken
			}
			return 9, nil
		})
		time.Sleep(time.Minute)
		for _, k := range keepers {
			if ended(t, k) {
				t.Errorf("lease %d ended with %v", k.ID(), k.Err())
			}
			last := m.seen(k.ID())
			if limit := last[len(last)-1].at.Add(9 * time.Second); k.ValidUntil().After(limit) {
				t.Errorf("lease %d is reported valid %v longer than it is", k.ID(), k.ValidUntil().Sub(limit))
			}
		}
	})
}

// TestRenewalThatAProxySentEarlierCountsFromThen has a proxy whose server is silent for a while. What it answers then to a new
// renewal may be the server's answer to one that the proxy sent before, at the earliest a third of the TTL after the last one.
func TestRenewalThatAProxySentEarlierCountsFromThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ttl = 30
		m := newMember(t, "a", ttl)
		_, request := fake(t, m)
		k := keep(t, request, 1)
		before := k.ValidUntil()
		m.answer(forever)
		time.Sleep(16 * time.Second)
		m.answer(always(ttl))
		for k.ValidUntil().Equal(before) && !ended(t, k) {
			time.Sleep(10 * time.Millisecond)
		}
		if limit := before.Add(ttl * time.Second / 3); k.ValidUntil().After(limit) {
			t.Errorf("the lease is reported valid %v longer than the proxy may know", k.ValidUntil().Sub(limit))
		}
		time.Sleep(time.Minute)
		if ended(t, k) {
			t.Error(k.Err())
		}
	})
}

func TestUnansweredRenewalIsSentAgainWhileOthersAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 9)
		_, request := fake(t, m)
		var keepers []*lease.Keeper
		for id := int64(1); id <= 20; id++ {
			keepers = append(keepers, keep(t, request, id))
			time.Sleep(150 * time.Millisecond)
		}
		dropped := 0
		m.answer(func(_ context.Context, id int64) (int64, error) {
			if id == 7 && dropped < 2 {
				dropped++
				return 0, errDropped
			}
			return 9, nil
		})
		time.Sleep(time.Minute)
		for _, k := range keepers {
			if ended(t, k) {
				t.Errorf("lease %d ended with %v", k.ID(), k.Err())
			}
		}
	})
}
