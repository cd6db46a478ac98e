// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/lease"
)

// using returns the member that renews leases, and the others.
func using(t *testing.T, members ...*member) (used *member, others []*member) {
	t.Helper()
	for _, m := range members {
		if m.open() > 0 {
			if used != nil {
				t.Errorf("streams to both %s and %s", used.name, m.name)
			}
			used = m
		} else {
			others = append(others, m)
		}
	}
	if used == nil {
		t.Fatal("no stream is open")
	}
	return used, others
}

func TestSilentMemberCostsNoLease(t *testing.T) {
	for _, ttl := range []int64{2, 3, 5, 10, 60} {
		t.Run((time.Duration(ttl) * time.Second).String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				members := []*member{newMember(t, "a", ttl), newMember(t, "b", ttl), newMember(t, "c", ttl)}
				c, request := fake(t, members...)
				k := keep(t, request, 1)
				for range 10 {
					time.Sleep(2 * time.Minute)
					used, others := using(t, members...)
					used.answer(func(parent context.Context, id int64) (int64, error) {
						used.mute()
						return forever(parent, id)
					})
					used.next()
					asked := time.Now()
					limit := min(1500*time.Millisecond, time.Duration(ttl)*time.Second/6) + 200*time.Millisecond
					if ttl > 15 { // the connection is quiet between renewals, and may be asked for a sign of life first
						limit += time.Second
					}
					for slices.IndexFunc(others, func(m *member) bool { return m.open() > 0 }) < 0 {
						if time.Since(asked) > limit {
							t.Fatalf("after %v without an answer the stream still stays", limit)
						}
						time.Sleep(5 * time.Millisecond)
					}
					time.Sleep(2 * time.Second)
					for _, e := range c.Info() {
						if e.Address == used.name+":1" && e.State != conn.Frozen {
							t.Errorf("the silent member is %v", e.State)
						}
					}
					used.answer(always(ttl))
					used.unmute()
					if ended(t, k) {
						t.Fatal(k.Err())
					}
				}
			})
		})
	}
}

func TestStreamDoesNotComeBackToAMemberThatIsHealthyAndSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 3), newMember(t, "b", 3)
		_, request := fake(t, a, b)
		life, end := context.WithCancel(t.Context())
		var others sync.WaitGroup
		defer others.Wait()
		defer end()
		others.Go(func() { // so that it is a matter of chance whose turn it is
			for life.Err() == nil {
				_, _ = lease.Leases(life, request)
				time.Sleep(rand.N(20 * time.Millisecond))
			}
		})
		k := keep(t, request, 1)
		for range 30 {
			used, _ := using(t, a, b)
			used.answer(forever)
			time.Sleep(5 * time.Second)
			if now, _ := using(t, a, b); now == used {
				t.Error("the stream has not moved")
			}
			if ended(t, k) {
				t.Fatal(k.Err())
			}
			used.answer(always(3))
		}
	})
}

func TestStreamMovesOnWhenItsMemberFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 2), newMember(t, "b", 2)
		c, request := fake(t, a, b)
		var keepers []*lease.Keeper
		for id := int64(1); id <= 10; id++ {
			keepers = append(keepers, keep(t, request, id))
		}
		for range 10 {
			used, others := using(t, a, b)
			if got := kept(c); len(got) != 1 || got[used.name+":1"] != len(keepers) {
				t.Errorf("on %s, kept: %v", used.name, got)
			}
			used.stop()
			time.Sleep(time.Second)
			if got := kept(c); len(got) != 1 || got[others[0].name+":1"] != len(keepers) {
				t.Errorf("on %s, kept: %v", others[0].name, got)
			}
			used.start()
			time.Sleep(time.Minute)
		}
		for _, k := range keepers {
			if ended(t, k) {
				t.Errorf("lease %d ended with %v", k.ID(), k.Err())
			}
		}
	})
}

func TestLeasesThatExpireSoonestGoFirstOnANewStream(t *testing.T) {
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
		other.stop()
		used.stop()
		time.Sleep(4 * time.Second)
		before := map[int64]time.Time{}
		for id, k := range until {
			before[id] = k.ValidUntil()
		}
		other.start()
		used.start()
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

func TestLeasesOutlastAnOutageShorterThanTheirTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 60)
		c, request := fake(t, m)
		k := keep(t, request, 1)
		for range 5 {
			m.stop()
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
			m.start()
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

func TestBacklogIsRenewedAtOnceAndDoesNotHoldUpNewLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, each = 2000, time.Millisecond
		m := newMember(t, "a", 600)
		c, request := fake(t, m)
		var keepers []*lease.Keeper
		for id := int64(1); id <= n; id++ {
			keepers = append(keepers, keep(t, request, id))
		}
		time.Sleep(180 * time.Second)
		m.stop()
		time.Sleep(60 * time.Second)
		m.answer(after(each, 600))
		m.start()
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

func TestSlowMemberIsGivenMoreTimeRatherThanLeftForEver(t *testing.T) {
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

func TestKeepAliveWaitsForAnEndpointAsLongAsTheConnectionHasPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		_, request := fake(t, m)
		m.mute()
		time.AfterFunc(4*time.Second, m.unmute)
		if _, err := lease.KeepAlive(t.Context(), request, 1); err != nil {
			t.Errorf("with an outage shorter than the patience: %v", err)
		}
		m.mute()
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

func TestPinnedLeasesStayOnTheirEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 60), newMember(t, "b", 60)
		c, request := fake(t, a, b)
		onA, onB := keep(t, request.WithEndpoint("a:1"), 1), keep(t, request.WithEndpoint("b:1"), 2)
		if got := kept(c); got["a:1"] != 1 || got["b:1"] != 1 {
			t.Errorf("kept: %v", got)
		}
		b.stop()
		time.Sleep(12 * time.Second)
		if got := kept(c); got["a:1"] != 1 || got["b:1"] != 0 {
			t.Errorf("with b down, kept: %v", got)
		}
		if _, err := lease.KeepAlive(t.Context(), request.WithEndpoint("b:1"), 3); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("KeepAlive on an endpoint that is down: %v", err)
		}
		b.start()
		time.Sleep(2 * time.Minute)
		if ended(t, onA) || ended(t, onB) {
			t.Errorf("ended with %v, %v", onA.Err(), onB.Err())
		}
		if len(a.seen(2)) > 0 || len(b.seen(1)) > 0 {
			t.Error("a pinned lease was renewed elsewhere")
		}
		for name, call := range map[string]func() error{
			"KeepAlive": func() error {
				_, err := lease.KeepAlive(t.Context(), request.WithEndpoint("c:1"), 1)
				return err
			},
			"KeepAliveOnce": func() error {
				_, err := lease.KeepAliveOnce(t.Context(), request.WithEndpoint("c:1"), 1)
				return err
			},
		} {
			if err := call(); !errors.Is(err, conn.ErrEndpoint) {
				t.Errorf("%s on an unknown endpoint: %v", name, err)
			}
		}
	})
}

func TestSpellingsOfOneEndpointShareItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 60), newMember(t, "b", 60)
		c, request := fake(t, a, b)
		for i, spelling := range []string{"a:1", "http://a:1", "HTTP://A:1/"} {
			keep(t, request.WithEndpoint(spelling), int64(i+1))
		}
		if a.open() != 1 || b.open() != 0 || kept(c)["a:1"] != 3 {
			t.Errorf("%d and %d streams, kept: %v", a.open(), b.open(), kept(c))
		}
	})
}

func TestAnswersOutOfOrderAreTakenForWhatTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 9)
		_, request := fake(t, m)
		var keepers []*lease.Keeper
		for id := int64(1); id <= 20; id++ {
			keepers = append(keepers, keep(t, request, id))
		}
		passed := 0
		m.answer(func(context.Context, int64) (int64, error) {
			if passed++; passed%3 != 0 {
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
				t.Errorf("lease %d counts as valid for %v too long", k.ID(), k.ValidUntil().Sub(limit))
			}
		}
	})
}

func TestRenewalWithoutAnAnswerIsSentAgainThoughOthersAreAnswered(t *testing.T) {
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

func TestKeepAliveOnceAsksOneMemberAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 10), newMember(t, "b", 10)
		_, request := fake(t, a, b)
		once := func(request func() (*pb.LeaseKeepAliveResponse, error), limit time.Duration) error {
			t.Helper()
			began := time.Now()
			r, err := request()
			if took := time.Since(began); took > limit {
				t.Errorf("KeepAliveOnce took %v", took)
			}
			if err == nil && (r.TTL != 10 || r.ID != 1) {
				t.Errorf("KeepAliveOnce: %v", r)
			}
			return err
		}
		call := func() (*pb.LeaseKeepAliveResponse, error) { return lease.KeepAliveOnce(t.Context(), request, 1) }
		for range 4 {
			if err := once(call, 0); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait() // the members learn of the end of a stream a little later
		if a.open()+b.open() > 0 {
			t.Error("KeepAliveOnce leaves its stream open")
		}
		a.answer(func(context.Context, int64) (int64, error) {
			return 0, status.Error(codes.Unavailable, "etcdserver: no leader")
		})
		for range 4 {
			if err := once(call, 50*time.Millisecond); err != nil {
				t.Errorf("with one member without a leader: %v", err)
			}
		}
		a.answer(forever)
		for range 4 {
			if err := once(call, 1600*time.Millisecond); err != nil {
				t.Errorf("with one member silent: %v", err)
			}
		}
		b.answer(forever)
		err := once(call, 5*time.Second)
		if !errors.Is(err, context.DeadlineExceeded) || etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("with both members silent: %v", err)
		}
		err = once(func() (*pb.LeaseKeepAliveResponse, error) {
			return lease.KeepAliveOnce(t.Context(), request.WithTimeout(300*time.Millisecond), 1)
		}, 300*time.Millisecond)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("within 300 ms: %v", err)
		}
		parent, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errEnough) })
		if _, err := lease.KeepAliveOnce(parent, request, 1); !errors.Is(err, errEnough) || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		for _, m := range []*member{a, b} {
			m.answer(always(0))
		}
		if err := once(call, 250*time.Millisecond); !errors.Is(err, etcderr.ErrLeaseNotFound) || etcderr.OutcomeOf(err) != etcderr.Rejected {
			t.Errorf("of a lease that is gone: %v", err)
		}
	})
}

var errEnough = errors.New("enough")
