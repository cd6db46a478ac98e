// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// The tests in this file run on a fake clock, so their times are exact and take no real time.

func TestLeaderlessEndpointIsFrozenUnlessItIsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.Leader.Store(0)
		for range 2 {
			if _, err := put(t.Context(), c); err != nil {
				t.Fatalf("a write with one member partitioned: %v", err)
			}
		}
		if s := states(c); s["a:1"] != conn.Frozen || s["b:1"] != conn.Active {
			t.Errorf("states %v, want the member without a leader Frozen", s)
		}
		// During an election nobody has a leader. The connection keeps the last endpoint, and the write waits for the
		// outcome.
		b.Leader.Store(0)
		time.AfterFunc(1500*time.Millisecond, func() { a.Leader.Store(2); b.Leader.Store(2) })
		start := time.Now()
		if _, err := put(t.Context(), c); err != nil {
			t.Errorf("a write during an election: %v", err)
		}
		if took := time.Since(start); took < 1500*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("the write took %v over an election of 1.5s", took)
		}
	})
}

func TestFailedHealthCheckFreezesUntilTheReconnection(t *testing.T) {
	notServing := func(a *member) {
		a.AnswerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
			return healthpb.HealthCheckResponse_NOT_SERVING, nil
		})
	}
	cases := []struct {
		name    string
		disrupt func(*member)
		reason  string
		within  time.Duration
	}{
		{"not serving", notServing, "NOT_SERVING", 0},
		{"no answer", (*member).Pause, "no answer within 1s", time.Second},
		{"no leader", func(m *member) { m.Leader.Store(0) }, "no leader", 0},
		{"connection lost", (*member).Stop, "connection lost", -15 * time.Second},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				var mu sync.Mutex
				var heard []conn.Endpoint
				opened := time.Now()
				c := openFake(t, []*member{a, b}, conn.WithStateListener(func(e conn.Endpoint) {
					mu.Lock()
					defer mu.Unlock()
					if e.Address == "a:1" {
						heard = append(heard, e)
					}
				}))
				tc.disrupt(a)
				time.Sleep(15*time.Second + tc.within)
				synctest.Wait()
				mu.Lock()
				if len(heard) < 2 || heard[0].State != conn.Active || heard[1].State != conn.Frozen {
					t.Fatalf("%v after opening, the listener heard %v", time.Since(opened), heard)
				}
				if frozen := heard[1]; frozen.Err == nil || !strings.Contains(frozen.Err.Error(), tc.reason) ||
					frozen.ReconnectIn < 160*time.Millisecond || frozen.ReconnectIn > 241*time.Millisecond {
					t.Errorf("frozen as %+v, want %q and 200ms to reconnection", frozen, tc.reason)
				}
				mu.Unlock()
				a.AnswerHealth(nil)
				a.Leader.Store(1)
				a.Resume()
				if tc.reason == "connection lost" {
					a.Start()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if len(heard) != 3 || heard[2].State != conn.Active || heard[2].Err != nil {
					t.Errorf("the listener heard %v, want each change once", heard)
				}
				if s := states(c)["a:1"]; s != conn.Active {
					t.Errorf("a is %v", s)
				}
			})
		})
	}
}

func TestSlowMemberIsNotFrozen(t *testing.T) {
	const healthy = healthpb.HealthCheckResponse_SERVING
	for _, tt := range []struct {
		name string
		slow func(a *member)
	}{
		{"calls are answered while the check is not", func(a *member) {
			a.AnswerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
				time.Sleep(3 * time.Second)
				return healthy, nil
			})
			a.answerKV(func(context.Context) error { time.Sleep(400 * time.Millisecond); return nil })
		}},
		{"half of the check is answered", func(a *member) {
			a.AnswerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
				a.AnswerHealth(nil)
				a.Pause() // the other half
				return healthy, nil
			})
			time.AfterFunc(1800*time.Millisecond, a.Resume)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				c := openFake(t, []*member{a, b}, conn.WithHealthCheckInterval(500*time.Millisecond))
				tt.slow(a)
				for start := time.Now(); time.Since(start) < 4*time.Second; {
					if _, err := get(t.Context(), c); err != nil {
						t.Error(err)
					}
					if s := states(c)["a:1"]; s != conn.Active {
						t.Errorf("after %v the slow endpoint is %v", time.Since(start), s)
						break
					}
					time.Sleep(100 * time.Millisecond)
				}
				a.AnswerHealth(nil)
				time.Sleep(5 * time.Second) // of what is still slow
			})
		})
	}
}

func TestLastEndpointIsAskedTwiceBeforeItFreezes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		a.Pause()
		time.AfterFunc(2400*time.Millisecond, a.Resume)
		if _, err := get(t.Context(), c); err != nil {
			t.Errorf("a read of a member that paused for 2.4 s: %v", err)
		}
		a.Pause()
		if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("a read of a member that paused for good: %v", err)
		}
	})
}

func TestInconclusiveHealthAnswersCountAsHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, d := newMember(t, "a"), newMember(t, "b"), newMember(t, "d")
		a.AnswerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
			return 0, status.Error(codes.Unimplemented, "unknown service")
		})
		b.AnswerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
			return healthpb.HealthCheckResponse_UNKNOWN, nil
		})
		d.AnswerStatus(status.Error(codes.InvalidArgument, "etcdserver: user name is empty"))
		c := openFake(t, []*member{a, b, d})
		for address, s := range states(c) {
			if s != conn.Active {
				t.Errorf("%s is %v", address, s)
			}
		}
	})
}

func TestReconnectInCountsDownAndInfoNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		b.Stop()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		first := c.Info()[1]
		if first.State != conn.Frozen || first.ReconnectIn <= 0 || first.ReconnectIn > 31*time.Second || first.Err == nil {
			t.Fatalf("got %+v", first)
		}
		time.Sleep(first.ReconnectIn / 2)
		if half := c.Info()[1]; half.ReconnectIn != first.ReconnectIn-first.ReconnectIn/2 {
			t.Errorf("%v is left of %v after half of it", half.ReconnectIn, first.ReconnectIn)
		}
		b.Start()
		time.Sleep(first.ReconnectIn)
		synctest.Wait()
		if s := c.Info()[1]; s.State != conn.Active || s.ReconnectIn != 0 || s.Err != nil {
			t.Errorf("one backoff step after the member's return: %+v", s)
		}
	})
}

// While another endpoint serves, attempts at a lost one become rare. When the other one is lost too, they become
// frequent.
func TestLossOfTheLastEndpointSpeedsUpReconnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		b.Stop()
		for c.Info()[1].ReconnectIn < 5*time.Second {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		b.Start()
		a.Stop()
		time.Sleep(time.Second)
		synctest.Wait()
		if s := states(c); s["b:1"] != conn.Active {
			t.Errorf("a second after the loss of the last endpoint: %+v", c.Info())
		}
	})
}

func TestAllFrozenFailsFastAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b}, conn.WithPatience(0))
		a.Stop()
		b.Stop()
		synctest.Wait()
		start := time.Now()
		for _, call := range []func() error{
			func() error { _, err := get(t.Context(), c); return err },
			func() error { _, err := put(t.Context(), c); return err },
			func() error { _, err := pb.NewWatchClient(c).Watch(t.Context()); return err },
		} {
			err := call()
			if !errors.Is(err, conn.ErrUnavailable) || etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("got %v", err)
			}
			for _, part := range []string{"a:1", "b:1", "connection lost"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%v lacks %q", err, part)
				}
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the calls took %v", took)
		}
		// The reason of an endpoint may be a failed call of a health check, which says nothing about the user's call.
		a.Start()
		a.AnswerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
			return 0, status.Error(codes.Unavailable, "in a moment")
		})
		time.Sleep(time.Second)
		if _, err := put(t.Context(), c); !errors.Is(err, conn.ErrUnavailable) || etcderr.OutcomeOf(err) != etcderr.NotSent ||
			!strings.Contains(err.Error(), "in a moment") {
			t.Errorf("got %v with outcome %v", err, etcderr.OutcomeOf(err))
		}
		a.Stop()
		a.AnswerHealth(nil)
		waiting, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := c.WaitReady(waiting); !errors.Is(err, conn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitReady: %v", err)
		}
		time.AfterFunc(time.Second, a.Start)
		if err := c.WaitReady(t.Context()); err != nil {
			t.Errorf("WaitReady: %v", err)
		}
		if _, err := get(t.Context(), c); err != nil {
			t.Errorf("after the return of a member: %v", err)
		}
	})
}

func TestRandomConnectsToOneAndMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := []*member{newMember(t, "a"), newMember(t, "b"), newMember(t, "d")}
		c := openFake(t, all, conn.WithMode(conn.Random))
		active := func() *member {
			t.Helper()
			synctest.Wait()
			var found *member
			for _, e := range c.Info() {
				if e.State != conn.Active {
					continue
				}
				if found != nil {
					t.Fatalf("two are Active: %v", c.Info())
				}
				for _, m := range all {
					if m.Name+":1" == e.Address {
						found = m
					}
				}
			}
			if found == nil {
				t.Fatalf("none is Active: %v", c.Info())
			}
			return found
		}
		used := map[*member]bool{}
		for range 3 {
			m := active()
			used[m] = true
			for range 3 {
				if r, err := get(t.Context(), c); err != nil || r.Header.MemberId != id(m.Name) {
					t.Errorf("read from %v, %v; want %s", r, err, m.Name)
				}
			}
			time.Sleep(time.Minute)
			m.Stop()
			if len(used) == 3 {
				break
			}
		}
		synctest.Wait()
		if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("with none left: %v", err)
		}
		all[1].Start()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := active(); m != all[1] {
			t.Errorf("moved on to %s", m.Name)
		}
	})
}

func TestLazyOpensWithoutServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.Stop()
		c := openFake(t, []*member{a}, conn.WithLazy())
		if e := c.Info()[0]; e.State != conn.Frozen || e.Err == nil {
			t.Errorf("got %+v", e)
		}
		if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		time.AfterFunc(time.Minute, a.Start)
		if err := c.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := get(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}

func TestNilBackoffIsReplacedByTheDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a}, conn.WithBackoff(func() backoff.BackOff { return nil }))
		a.Stop()
		synctest.Wait()
		a.Start()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
