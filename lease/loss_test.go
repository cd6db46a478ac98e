// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/lease"
)

func TestLeaseExpiresWhenItsLastAcknowledgedRenewalWasSentPlusTTL(t *testing.T) {
	for name, fail := range map[string]func(m *member){
		"silent":                func(m *member) { m.Pause() },
		"killed":                func(m *member) { m.Stop() },
		"healthy but not at it": func(m *member) { m.answer(forever) },
		"answers too late":      func(m *member) { m.answer(after(11*time.Second, 10)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a", 10)
				m.answer(after(200*time.Millisecond, 10)) // what counts is when it was sent, not when it was answered
				c, request := fake(t, m)
				k := keep(t, request, 1)
				time.Sleep(time.Minute)
				if !time.Now().Before(k.ValidUntil()) {
					t.Fatalf("valid until %v", k.ValidUntil())
				}
				fail(m)
				synctest.Wait()
				until := k.ValidUntil()
				acknowledged := false
				for _, r := range m.seen(1) {
					acknowledged = acknowledged || r.at.Add(10*time.Second).Equal(until)
				}
				if !acknowledged {
					t.Errorf("valid until %v, which is 10 s after none of the renewals", until)
				}
				time.Sleep(time.Until(until) - 1)
				if ended(t, k) {
					t.Error("the Keeper ended too early")
				}
				done := k.Done()
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				select {
				case <-done:
				default:
					t.Error("the Keeper did not end in time")
				}
				if err := k.Err(); !errors.Is(err, lease.ErrExpired) || errors.Is(err, etcderr.ErrLeaseNotFound) {
					t.Errorf("it ended with %v", err)
				}
				if !k.ValidUntil().Equal(until) {
					t.Errorf("valid until %v after the end, %v before", k.ValidUntil(), until)
				}
				m.answer(always(10))
				if name != "killed" {
					m.Resume()
				}
				time.Sleep(30 * time.Second)
				if err := k.Err(); !errors.Is(err, lease.ErrExpired) {
					t.Errorf("a lost lease came back: %v", err)
				}
				if got := kept(c); len(got) != 0 || m.open() != 0 {
					t.Errorf("after the end of the only Keeper: leases %v, streams %d", got, m.open())
				}
			})
		})
	}
}

func TestErrExpiredTellsTheLastProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		_, request := fake(t, m)
		k := keep(t, request, 1)
		m.answer(func(context.Context, int64) (int64, error) { return 0, status.Error(codes.Unavailable, "out of paper") })
		<-k.Done()
		var e *etcderr.Error
		if err := k.Err(); !errors.Is(err, lease.ErrExpired) || !errors.As(err, &e) || e.Message() != "out of paper" {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestLeaseThatTheServerNoLongerKnowsIsNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 9)
		c, request := fake(t, m)
		gone, neighbour := keep(t, request, 1), keep(t, request, 2)
		if got := kept(c); got["a:1"] != 2 {
			t.Errorf("kept: %v", got)
		}
		m.answer(func(_ context.Context, id int64) (int64, error) {
			if id == 1 {
				return 0, nil
			}
			return 9, nil
		})
		began := time.Now()
		<-gone.Done()
		if took := time.Since(began); took > 3500*time.Millisecond {
			t.Errorf("a lease with a TTL of 9 s ended %v after the server had forgotten it", took)
		}
		err := gone.Err()
		if !errors.Is(err, etcderr.ErrLeaseNotFound) || errors.Is(err, lease.ErrExpired) {
			t.Errorf("it ended with %v", err)
		}
		if gone.ValidUntil().After(time.Now()) {
			t.Errorf("a lease that is gone is valid until %v", gone.ValidUntil())
		}
		if _, err := lease.KeepAlive(t.Context(), request, 1); !errors.Is(err, etcderr.ErrLeaseNotFound) ||
			etcderr.OutcomeOf(err) != etcderr.Rejected {
			t.Errorf("KeepAlive: %v", err)
		}
		time.Sleep(time.Minute)
		if ended(t, neighbour) {
			t.Errorf("the other lease ended with %v", neighbour.Err())
		}
		if got := kept(c); got["a:1"] != 1 {
			t.Errorf("kept: %v", got)
		}
	})
}

// Members of 2021 and before may not know a lease that another member has just granted.
func TestLeaseThatTheServerDoesNotKnowYetIsRenewedAgain(t *testing.T) {
	for name, call := range map[string]func(context.Context, ctx.Ctx) error{
		"KeepAlive": func(parent context.Context, request ctx.Ctx) error {
			k, err := lease.KeepAlive(parent, request, 1)
			if err == nil {
				err = k.Close()
			}
			return err
		},
		"KeepAliveOnce": func(parent context.Context, request ctx.Ctx) error {
			_, err := lease.KeepAliveOnce(parent, request, 1)
			return err
		},
	} {
		for denials, found := range []bool{true, true, true, false} {
			t.Run(fmt.Sprint(name, ", ", denials, " times"), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newMember(t, "a", 9)
					_, request := fake(t, m)
					m.answer(func(context.Context, int64) (int64, error) {
						if len(m.seen(1)) <= denials {
							return 0, nil
						}
						return 9, nil
					})
					began := time.Now()
					err := call(t.Context(), request)
					if found != (err == nil) || (err != nil && !errors.Is(err, etcderr.ErrLeaseNotFound)) {
						t.Errorf("%v", err)
					}
					if took := time.Since(began); took > 250*time.Millisecond {
						t.Errorf("took %v", took)
					}
				})
			})
		}
	}
}

func TestAnswerToAClosedKeeperDoesNotExtendTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 9)
		_, request := fake(t, m)
		keep(t, request, 2) // holds the stream open
		former := keep(t, request, 1)
		m.answer(after(time.Second, 9))
		for n := len(m.seen(1)); len(m.seen(1)) == n; {
			m.next()
		}
		first := time.Now()
		_ = former.Close() // with a renewal under way
		time.Sleep(500 * time.Millisecond)
		again := time.Now()
		k := keep(t, request, 1)
		if got, want := k.ValidUntil(), again.Add(9*time.Second); !got.Equal(want) {
			t.Errorf("valid %v after the renewal of the former Keeper, want %v", got.Sub(first), want.Sub(first))
		}
		if took := time.Since(again); took < time.Second {
			t.Errorf("the answer to the former Keeper was taken for one to the new, after %v", took)
		}
	})
}

func TestRefusalOfOneLeaseEndsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		_, request := fake(t, m)
		var others []*lease.Keeper
		for id := int64(2); id < 50; id++ {
			others = append(others, keep(t, request, id))
		}
		forbidden := keep(t, request, 1)
		m.answer(func(_ context.Context, id int64) (int64, error) {
			if id == 1 {
				return 0, status.Error(codes.PermissionDenied, "etcdserver: permission denied")
			}
			return 10, nil
		})
		<-forbidden.Done()
		if err := forbidden.Err(); !errors.Is(err, etcderr.ErrPermissionDenied) {
			t.Errorf("it ended with %v", err)
		}
		if _, err := lease.KeepAlive(t.Context(), request, 1); !errors.Is(err, etcderr.ErrPermissionDenied) {
			t.Errorf("KeepAlive: %v", err)
		}
		time.Sleep(time.Minute)
		for _, k := range others {
			if ended(t, k) {
				t.Errorf("lease %d ended with %v", k.ID(), k.Err())
			}
		}
	})
}

func TestRefusalOfTheStreamEndsAllLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		_, request := fake(t, m)
		first, second := keep(t, request, 1), keep(t, request, 2)
		m.answer(func(context.Context, int64) (int64, error) {
			return 0, status.Error(codes.InvalidArgument, "etcdserver: user name is empty")
		})
		for _, k := range []*lease.Keeper{first, second} {
			<-k.Done()
			if err := k.Err(); !errors.Is(err, etcderr.ErrUserEmpty) {
				t.Errorf("lease %d ended with %v", k.ID(), err)
			}
		}
		if time.Now().After(first.ValidUntil()) {
			t.Error("that took as long as the TTL")
		}
		m.answer(always(10))
		keep(t, request, 3)
	})
}

func TestLeaseThatTheServerNeverAnswersDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 10), newMember(t, "b", 10)
		for _, m := range []*member{a, b} {
			m.answer(func(parent context.Context, id int64) (int64, error) {
				switch {
				case id == 1:
					return forever(parent, id)
				case id%2 == 0:
					return after(time.Millisecond, 3)(parent, id)
				default:
					return after(time.Millisecond, 10)(parent, id)
				}
			})
		}
		_, request := fake(t, a, b)
		var others []*lease.Keeper
		for id := int64(2); id < 300; id++ {
			others = append(others, keep(t, request, id))
		}
		began := time.Now()
		_, err := lease.KeepAlive(t.Context(), request.WithTimeout(time.Minute), 1)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("KeepAlive of the lease that the server is stuck with ended after %v with %v", time.Since(began), err)
		}
		for _, k := range others {
			if ended(t, k) {
				t.Errorf("lease %d with a TTL of %v ended with %v", k.ID(), k.TTL(), k.Err())
			}
		}
	})
}

// kine refuses the stream itself, with a text of its own and without a code.
func TestServerWithoutKeepAliveIsQuotedAtOnce(t *testing.T) {
	for _, refusal := range []error{
		errors.New("lease keep alive is not supported"),
		status.Error(codes.Unimplemented, "method LeaseKeepAlive not implemented"),
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMember(t, "a", 9)
			m.refuse(refusal)
			c, request := fake(t, m)
			for name, call := range map[string]func() error{
				"KeepAlive":     func() error { _, err := lease.KeepAlive(t.Context(), request, 1); return err },
				"KeepAliveOnce": func() error { _, err := lease.KeepAliveOnce(t.Context(), request, 1); return err },
			} {
				began := time.Now()
				err := call()
				var e *etcderr.Error
				if !errors.As(err, &e) || e.Outcome() != etcderr.Rejected || e.Message() != status.Convert(refusal).Message() {
					t.Errorf("%s: %v", name, err)
				}
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("%s took %v", name, took)
				}
			}
			if got := kept(c); len(got) != 0 {
				t.Errorf("kept: %v", got)
			}
		})
	}
}
