// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
)

// ways are those in which a waiter loses its place.
var ways = map[string]func(t *testing.T, place *mvccpb.KeyValue){
	"its lease ends": func(t *testing.T, place *mvccpb.KeyValue) {
		if _, err := lease.Revoke(t.Context(), lease.New(registry), place.GetLease()); err != nil {
			t.Fatal(err)
		}
	},
	"its key is deleted": func(t *testing.T, place *mvccpb.KeyValue) {
		if _, err := kv.Delete(t.Context(), kv.New(registry).WithKeyBytes(place.GetKey())); err != nil {
			t.Fatal(err)
		}
	},
	"its key is overwritten without a lease":      func(t *testing.T, place *mvccpb.KeyValue) { overwrite(t, place, 0) },
	"its key is overwritten with another's lease": func(t *testing.T, place *mvccpb.KeyValue) { overwrite(t, place, grant(t)) },
}

// overwrite puts a key again, under another lease or none. No lease of its owner deletes it any more.
func overwrite(t *testing.T, there *mvccpb.KeyValue, lease int64) {
	t.Helper()
	put := kv.New(registry).WithKeyBytes(there.GetKey()).WithValueBytes(there.GetValue())
	if lease != 0 {
		put = put.WithLease(lease)
	}
	if _, err := kv.Put(t.Context(), put); err != nil {
		t.Fatal(err)
	}
}

func TestHolderWhoseKeyIsOverwrittenIsToldAndLeavesTheQueue(t *testing.T) {
	for kind, w := range map[string]way{"do": lock.Do, "shared": lock.Shared, "permits": permits(2)} {
		for how, lease := range map[string]func(*testing.T) int64{
			"without a lease":      func(*testing.T) int64 { return 0 },
			"with another's lease": grant,
		} {
			t.Run(kind+", "+how, func(t *testing.T) {
				holder := w.queue(t, 1)
				holder.entered(t)
				overwrite(t, keys(t)[0], lease(t))
				select {
				case err := <-holder.ends:
					if !errors.Is(err, lock.ErrLost) {
						t.Errorf("it was told %v", err)
					}
				case <-time.After(20 * time.Second):
					t.Error("the holder is told nothing")
					close(holder.leaves)
					<-holder.ends
				}
				await(t, 0)
			})
		}
	}
}

func TestCallUnderALeaseOfTheCallerLeavesNoKeyThatWasOverwritten(t *testing.T) {
	held, err := lock.Acquire(t.Context(), named(t).WithLease(grant(t)))
	if err != nil {
		t.Fatal(err)
	}
	waiter := grant(t)
	done := make(chan error, 1)
	go func() {
		_, err := lock.Acquire(t.Context(), named(t).WithLease(waiter))
		done <- err
	}()
	await(t, 2)
	overwrite(t, keys(t)[1], 0)
	select {
	case err := <-done:
		if !errors.Is(err, lock.ErrLost) {
			t.Errorf("the waiter was told %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the waiter is told nothing")
	}
	await(t, 1)

	overwrite(t, keys(t)[0], 0)
	if _, err := lock.Acquire(t.Context(), named(t).WithLease(held.Lease)); !errors.Is(err, lock.ErrLost) {
		t.Errorf("a lock whose key no lease holds: %v", err)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Error(err)
	}
	await(t, 0)
}

func TestDoThatLosesItsPlaceJoinsTheQueueAgain(t *testing.T) {
	for name, lose := range ways {
		t.Run(name, func(t *testing.T) {
			holder := grant(t)
			held, err := lock.Acquire(t.Context(), named(t).WithLease(holder))
			if err != nil {
				t.Fatal(err)
			}
			order := make(chan string, 2)
			wait := func(who string) {
				err := lock.Do(t.Context(), named(t), time.Minute, func(context.Context, lock.Held) error {
					order <- who
					return nil
				})
				if err != nil {
					t.Errorf("%s: %v", who, err)
				}
			}
			go wait("loser")
			await(t, 2)
			go wait("other")
			await(t, 3)
			place := keys(t)[1]
			lose(t, place)
			for began := time.Now(); ; time.Sleep(5 * time.Millisecond) { // until it is there again
				all := keys(t)
				if len(all) == 3 && all[1].GetCreateRevision() != place.GetCreateRevision() {
					break
				}
				if time.Since(began) > 20*time.Second {
					t.Fatalf("in the queue are %v", all)
				}
			}
			if err := held.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if first, second := <-order, <-order; first != "other" || second != "loser" {
				t.Errorf("first %s holds, and then %s", first, second)
			}
			await(t, 0)
		})
	}
}

func TestLockTellsThatItsKeyIsDeleted(t *testing.T) {
	take(t, named(t).WithLease(grant(t)))
	done := make(chan error, 1)
	go func() {
		_, err := lock.Lock(t.Context(), named(t).WithLease(grant(t)))
		done <- err
	}()
	await(t, 2)
	ways["its key is deleted"](t, keys(t)[1])
	select {
	case err := <-done:
		if !errors.Is(err, lock.ErrLost) {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the call has not returned")
	}
	await(t, 1)
}
