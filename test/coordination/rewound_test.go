// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/watch"
)

// tellingTime is how long a claim may take to detect that the store has gone back: a health interval and 2 s. It counts
// from when the store is ready again.
const tellingTime = 17 * time.Second

// TestEveryClaimDetectsARewoundStore replaces the data of a cluster while locks and elections are held, waited for and
// observed, under leases that would last longer.
func TestEveryClaimDetectsARewoundStore(t *testing.T) {
	for how, goBack := range map[string]func(*etcdtest.Cluster, *etcdtest.Data){
		"restored":        (*etcdtest.Cluster).RestoreData,
		"wiped":           func(c *etcdtest.Cluster, _ *etcdtest.Data) { c.Wipe() },
		"another cluster": func(c *etcdtest.Cluster, _ *etcdtest.Data) { c.Replace() },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t)
			c := open(t, cluster)
			for range 20 {
				if _, err := kv.Put(t.Context(), c.WithKey("k")); err != nil {
					t.Fatal(err)
				}
			}
			copied := cluster.SaveData()

			told := make(chan error, 7)
			holding := make(chan struct{}, 2)
			for kind, by := range kinds {
				go func() {
					err := by(longTTL)(t.Context(), c.WithName(kind), func(held context.Context, _ compare.Compare, _ int64) error {
						holding <- struct{}{}
						<-held.Done()
						return nil
					})
					var rewound *watch.RewoundError
					if !errors.As(err, &rewound) || !errors.Is(err, lock.ErrLost) && !errors.Is(err, election.ErrLost) {
						err = fmt.Errorf("the holder of the %s was told %w", kind, err)
					} else {
						err = nil
					}
					told <- err
				}()
				<-holding
			}
			permits := func(f func(context.Context, lock.Held) error) error {
				return lock.Semaphore(t.Context(), c.WithName("permits"), 2, longTTL, f)
			}
			for range 2 {
				go func() {
					err := permits(func(held context.Context, _ lock.Held) error {
						holding <- struct{}{}
						<-held.Done()
						return nil
					})
					if !errors.Is(err, lock.ErrLost) {
						err = fmt.Errorf("the holder of a permit was told %w", err)
					} else {
						err = nil
					}
					told <- err
				}()
				<-holding
			}
			go func() { // waits for one of several keys to go
				told <- permits(func(context.Context, lock.Held) error { return nil })
			}()
			awaitKeys(t, c, "permits", 3)
			observer, err := election.Observe(t.Context(), c.WithName("election"))
			if err != nil {
				t.Fatal(err)
			}
			defer observer.Close()
			for first, err := range observer.All() {
				if err != nil || string(first.GetKv().GetValue()) != "candidate" {
					t.Fatalf("%v leads, %v", first, err)
				}
				break
			}
			go func() { // waits with a lease of its own, and has its turn in the new history
				told <- lock.Do(t.Context(), c.WithName("lock"), longTTL, func(context.Context, lock.Held) error { return nil })
			}()
			awaitKeys(t, c, "lock", 2)
			go func() { // waits with a lease that is the caller's, and is told
				_, err := lock.Lock(t.Context(), c.WithName("lock").WithLease(neighbours{c: c}.lease(t)))
				if !errors.Is(err, etcderr.ErrLeaseNotFound) && !errors.Is(err, lock.ErrLost) {
					err = fmt.Errorf("the waiter with a lease of its own was told %w", err)
				} else {
					err = nil
				}
				told <- err
			}()
			awaitKeys(t, c, "lock", 3)
			for range 20 {
				if _, err := kv.Put(t.Context(), c.WithKey("k")); err != nil {
					t.Fatal(err)
				}
			}

			goBack(cluster, copied)
			to, err := conn.Lookup(sealed.Ctx(c).Conn())
			if err != nil {
				t.Fatal(err)
			}
			if err := to.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			late := time.After(tellingTime)
			for range cap(told) {
				select {
				case err := <-told:
					if err != nil {
						t.Error(err)
					}
				case <-late:
					t.Fatal("not everybody was told")
				}
			}
			t.Logf("everybody was told after %v", time.Since(began).Round(time.Millisecond))
			close := time.AfterFunc(tellingTime, func() { _ = observer.Close() })
			defer close.Stop()
			vacant := false
			for next, err := range observer.All() {
				if err != nil {
					t.Fatal(err)
				}
				if vacant = next.GetKv() == nil; vacant {
					break
				}
			}
			if !vacant {
				t.Error("the observer was not told that nobody leads any more")
			}
			awaitKeys(t, c, "lock", 0)
			awaitKeys(t, c, "permits", 0)
		})
	}
}
