// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
)

func TestDoRunsOneAtATimeInTheOrderOfRevisions(t *testing.T) {
	var inside, last atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := lock.Do(t.Context(), named(t), 5*time.Second, func(held context.Context, l lock.Held) error {
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d are inside", n)
				}
				defer inside.Add(-1)
				if before := last.Swap(l.Rev); before >= l.Rev {
					t.Errorf("revision %d comes after %d", l.Rev, before)
				}
				if l.Key == "" || l.Lease == 0 {
					t.Errorf("held: %+v", l)
				}
				return held.Err()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	await(t, 0)
}

func TestDoGivesTheLockUpHoweverItEnds(t *testing.T) {
	mine := errors.New("mine")
	for name, c := range map[string]struct {
		f  func(cancel context.CancelFunc) error
		is error
	}{
		"with nothing":             {func(context.CancelFunc) error { return nil }, nil},
		"with an error":            {func(context.CancelFunc) error { return mine }, mine},
		"with a panic":             {func(context.CancelFunc) error { panic(mine) }, mine},
		"with a cancelled context": {func(cancel context.CancelFunc) error { cancel(); return context.Canceled }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			parent, cancel := context.WithCancel(t.Context())
			defer cancel()
			var id int64
			err := func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						err = p.(error)
					}
				}()
				return lock.Do(parent, named(t), time.Minute, func(held context.Context, l lock.Held) error {
					id = l.Lease
					err := c.f(cancel)
					if len(keys(t)) != 1 {
						t.Error("the lock is released while the function runs")
					}
					return err
				})
			}()
			if !errors.Is(err, c.is) || c.is == nil && err != nil || errors.Is(err, lock.ErrLost) {
				t.Errorf("got %v, want %v", err, c.is)
			}
			if n := len(keys(t)); n != 0 {
				t.Errorf("%d keys are left", n)
			}
			if _, err := lease.TimeToLive(t.Context(), lease.New(registry), id, false); !errors.Is(err, etcderr.ErrLeaseNotFound) {
				t.Errorf("the lease is left: %v", err)
			}
		})
	}
}

func TestHolderIsToldOfItsLossAndItsFencedWriteFails(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, l lock.Held) error{
		"the lease is revoked": func(t *testing.T, l lock.Held) error {
			_, err := lease.Revoke(t.Context(), lease.New(registry), l.Lease)
			return err
		},
		"the key is deleted": func(t *testing.T, l lock.Held) error {
			_, err := kv.Delete(t.Context(), kv.New(registry).WithKey(l.Key))
			return err
		},
		"the lock is unlocked": func(t *testing.T, l lock.Held) error {
			_, err := lock.Unlock(t.Context(), lock.New(registry).WithKey(l.Key))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			work := kv.New(registry).WithKey(t.Name() + ":work")
			err := lock.Do(t.Context(), named(t), 3*time.Second, func(held context.Context, l lock.Held) error {
				write := func(value string) bool {
					r, err := kv.Txn(t.Context(), kv.New(registry), op.If(l.Guard()).Then(op.Put(render.Unbound(work).WithValue(value))))
					if err != nil {
						t.Fatal(err)
					}
					return r.GetSucceeded()
				}
				if !write("held") {
					t.Error("the holder may not write")
				}
				if err := lose(t, l); err != nil {
					t.Fatal(err)
				}
				select {
				case <-held.Done():
				case <-time.After(5 * time.Second):
					t.Error("the context of the holder is not cancelled")
				}
				if cause := context.Cause(held); !errors.Is(cause, lock.ErrLost) {
					t.Errorf("the cause is %v", cause)
				}
				if write("lost") {
					t.Error("a former holder may write")
				}
				return nil
			})
			if !errors.Is(err, lock.ErrLost) {
				t.Errorf("Do returned %v", err)
			}
		})
	}
}

func TestDoTellsItsOwnLossBesideThatOfALockWithin(t *testing.T) {
	inner, ended := named(t).WithName(t.Name()+"-inner"), 0
	err := lock.Do(t.Context(), named(t), time.Minute, func(held context.Context, outer lock.Held) error {
		err := lock.Do(t.Context(), inner, time.Minute, func(within context.Context, l lock.Held) error {
			for _, key := range []string{l.Key, outer.Key} {
				if _, err := kv.Delete(t.Context(), kv.New(registry).WithKey(key)); err != nil {
					t.Fatal(err)
				}
			}
			<-held.Done()
			<-within.Done()
			return context.Cause(within)
		})
		ended = strings.Count(err.Error(), lock.ErrLost.Error())
		return err
	})
	if err == nil || ended != 1 || strings.Count(err.Error(), lock.ErrLost.Error()) != 2 {
		t.Errorf("the inner lock told of %d losses, both together: %v", ended, err)
	}
}

func TestDoThatGivesUpWaitingLeavesNothing(t *testing.T) {
	take(t, named(t).WithLease(grant(t)))
	before := leases(t)
	err := lock.Do(t.Context(), named(t).WithTimeout(300*time.Millisecond), time.Minute, func(context.Context, lock.Held) error {
		t.Error("the function has run")
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, lock.ErrLost) {
		t.Errorf("got %v", err)
	}
	if n := len(keys(t)); n != 1 {
		t.Errorf("%d keys are below the lock's name, want that of the holder", n)
	}
	if n := leases(t); n != before {
		t.Errorf("there were %d leases, and are %d", before, n)
	}
}

func leases(t *testing.T) int {
	t.Helper()
	all, err := lease.Leases(t.Context(), lease.New(registry))
	if err != nil {
		t.Fatal(err)
	}
	return len(all.GetLeases())
}

func TestDoThatRunsOutOfTimeAtAnyPointLeavesNothing(t *testing.T) {
	before := leases(t)
	ran := 0
	for i := range 300 {
		parent, cancel := context.WithTimeout(t.Context(), time.Duration(i)*50*time.Microsecond)
		err := lock.Do(parent, named(t), time.Minute, func(context.Context, lock.Held) error {
			ran++
			return nil
		})
		cancel()
		if err != nil && (!errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, lock.ErrNotAcquired)) {
			t.Error(err)
		}
	}
	t.Logf("%d of 300 calls had the lock", ran)
	await(t, 0)
	awaitLeases(t, before)
}
