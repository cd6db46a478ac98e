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
