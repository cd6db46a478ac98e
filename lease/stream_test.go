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

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/lease"
)

// using returns the member that renews leases, and the others.
func using(t *testing.T, members ...*member) (used *member, others []*member) {
	t.Helper()
	for _, m := range members {
		if m.open() > 0 {
			if used != nil {
				t.Errorf("streams to both %s and %s", used.Name, m.Name)
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
						used.Pause()
						return forever(parent, id)
					})
					used.next()
					asked := time.Now()
					limit := min(1500*time.Millisecond, time.Duration(ttl)*time.Second/6) + 200*time.Millisecond
					if ttl/3+2 >= 5 { // a connection that is quiet for 5 s may be asked for a sign of life before the next stream
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
						if e.Address == used.Name+":1" && e.State != conn.Frozen {
							t.Errorf("the silent member is %v", e.State)
						}
					}
					used.answer(always(ttl))
					used.Resume()
					if ended(t, k) {
						t.Fatal(k.Err())
					}
				}
			})
		})
	}
}

func TestStreamDoesNotReturnToAHealthyMemberThatWasSilent(t *testing.T) {
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
			if got := kept(c); len(got) != 1 || got[used.Name+":1"] != len(keepers) {
				t.Errorf("on %s, kept: %v", used.Name, got)
			}
			used.Stop()
			time.Sleep(time.Second)
			if got := kept(c); len(got) != 1 || got[others[0].Name+":1"] != len(keepers) {
				t.Errorf("on %s, kept: %v", others[0].Name, got)
			}
			used.Start()
			time.Sleep(time.Minute)
		}
		for _, k := range keepers {
			if ended(t, k) {
				t.Errorf("lease %d ended with %v", k.ID(), k.Err())
			}
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
		b.Stop()
		time.Sleep(12 * time.Second)
		if got := kept(c); got["a:1"] != 1 || got["b:1"] != 0 {
			t.Errorf("with b down, kept: %v", got)
		}
		if _, err := lease.KeepAlive(t.Context(), request.WithEndpoint("b:1"), 3); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("KeepAlive on an endpoint that is down: %v", err)
		}
		b.Start()
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

func TestSpellingsOfTheSameEndpointShareAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 60), newMember(t, "b", 60)
		c, request := fake(t, a, b)
		for i, spelling := range []string{"a:1", "http://a:1", "HTTP://A:1/"} {
			keep(t, request.WithEndpoint(spelling), int64(i+1))
		}
		synctest.Wait() // Info counts a lease a moment after its Keeper has begun
		if a.open() != 1 || b.open() != 0 || kept(c)["a:1"] != 3 {
			t.Errorf("%d and %d streams, kept: %v", a.open(), b.open(), kept(c))
		}
	})
}
