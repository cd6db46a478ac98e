// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
)

func TestEachHolderOfASharedLockHasAFenceOfItsOwn(t *testing.T) {
	for name, w := range map[string]way{"shared": lock.Shared, "permits": permits(2)} {
		t.Run(name, func(t *testing.T) {
			one, other := w.queue(t, 1), w.queue(t, 2)
			lost, keeps := one.entered(t), other.entered(t)
			if lost.Key == keeps.Key || lost.Rev >= keeps.Rev {
				t.Errorf("%+v and %+v hold", lost, keeps)
			}
			for _, l := range []lock.Held{lost, keeps} {
				if until := l.ValidUntil(); time.Until(until) < 30*time.Second {
					t.Errorf("%+v is valid until %v", l, until)
				}
			}
			if _, err := lease.Revoke(t.Context(), lease.New(registry), lost.Lease); err != nil {
				t.Fatal(err)
			}
			if err := <-one.ends; !errors.Is(err, lock.ErrLost) || errors.Is(err, lock.ErrNotAcquired) {
				t.Errorf("it ended with %v", err)
			}
			for l, want := range map[lock.Held]bool{lost: false, keeps: true} {
				r, err := kv.Txn(t.Context(), kv.New(registry), op.If(l.Guard()).Then(op.Put(kv.Key(t.Name()+":work"))))
				if err != nil || r.GetSucceeded() != want {
					t.Errorf("%+v may write: %t, %v", l, r.GetSucceeded(), err)
				}
			}
			other.leave(t)
			await(t, 0)
		})
	}
}

func TestSharedCallThatRunsOutOfTimeAtAnyPointLeavesNothing(t *testing.T) {
	for name, w := range map[string]way{"shared": lock.Shared, "permits": permits(1)} {
		for _, taken := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				want := 0
				if taken {
					holder := way(lock.Do).queue(t, 1)
					holder.entered(t)
					defer holder.leave(t)
					want = 1
				}
				before := leases(t)
				for i := range 100 {
					ran := false
					err := w(t.Context(), named(t).WithTimeout(time.Millisecond+time.Duration(i)*100*time.Microsecond), time.Minute,
						func(context.Context, lock.Held) error { ran = true; return nil })
					if ran && taken || ran == errors.Is(err, lock.ErrNotAcquired) || !ran && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("it has run: %t, %v", ran, err)
					}
				}
				await(t, want)
				awaitLeases(t, before)
			})
		}
	}
}

func TestSharedCallThatLosesItsPlaceJoinsTheQueueAgain(t *testing.T) {
	for name, w := range map[string]way{"shared": lock.Shared, "permits": permits(1)} {
		for how, lose := range ways {
			t.Run(name+", "+how, func(t *testing.T) {
				holder := way(lock.Do).queue(t, 1)
				holder.entered(t)
				loser := w.queue(t, 2)
				lost := keys(t)[1]
				lose(t, lost)
				for began := time.Now(); ; time.Sleep(5 * time.Millisecond) { // until it is there again
					if all := keys(t); len(all) == 2 && all[1].GetCreateRevision() > lost.GetCreateRevision() {
						break
					}
					if time.Since(began) > 20*time.Second {
						t.Fatal("it does not come back")
					}
				}
				loser.waits(t)
				holder.leave(t)
				if l := loser.entered(t); l.Rev <= lost.GetCreateRevision() {
					t.Errorf("%+v holds", l)
				}
				loser.leave(t)
				await(t, 0)
			})
		}
	}
}
