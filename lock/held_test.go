// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
)

func TestReleaseOfAnOlderLockOfTheSameLeaseLeavesTheNewerOne(t *testing.T) {
	c := named(t).WithLease(grant(t))
	acquire := func() lock.Held {
		held, err := lock.Acquire(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	release := func(held lock.Held) {
		if err := held.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	older := acquire()
	release(older)
	await(t, 0)
	newer := acquire()
	if newer.Key != older.Key || newer.Rev <= older.Rev || newer.Lease != sealed.Ctx(c).Lease() || !newer.ValidUntil().IsZero() {
		t.Errorf("%+v has it after %+v", newer, older)
	}
	release(older) // repeated, or late
	if all := keys(t); len(all) != 1 || all[0].GetCreateRevision() != newer.Rev {
		t.Errorf("%v are there", all)
	}
	for held, want := range map[lock.Held]bool{older: false, newer: true} {
		r, err := kv.Txn(t.Context(), kv.New(registry), op.If(held.Guard()).Then(op.Put(kv.Key(t.Name()+":work"))))
		if err != nil || r.GetSucceeded() != want {
			t.Errorf("%+v may write: %t, %v", held, r.GetSucceeded(), err)
		}
	}
	release(newer)
	await(t, 0)
	if err := (lock.Held{Key: "k", Rev: 1}).Release(t.Context()); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("Release of a Held without a connection: %v", err)
	}
}

func TestValidUntilFollowsTheLease(t *testing.T) {
	const ttl = 3 * time.Second
	var after lock.Held
	began := time.Now()
	err := lock.Do(t.Context(), named(t), ttl, func(held context.Context, l lock.Held) error {
		after = l
		first := l.ValidUntil()
		if first.Before(began.Add(ttl)) || first.After(time.Now().Add(ttl)) {
			t.Errorf("it is valid until %v after its beginning", first.Sub(began))
		}
		for l.ValidUntil().Equal(first) && held.Err() == nil { // until the next renewal
			time.Sleep(10 * time.Millisecond)
		}
		if l.ValidUntil().Before(first) {
			t.Errorf("after the next renewal it is valid for %v less", first.Sub(l.ValidUntil()))
		}
		return held.Err()
	})
	if err != nil {
		t.Error(err)
	}
	if until := after.ValidUntil(); until.After(time.Now()) {
		t.Errorf("a lock that was released is valid for %v more", time.Until(until))
	}
}

func TestValidUntilIsInThePastOnceTheKeyIsGone(t *testing.T) {
	err := lock.Do(t.Context(), named(t), time.Minute, func(held context.Context, l lock.Held) error {
		if _, err := kv.Delete(t.Context(), kv.New(registry).WithKey(l.Key)); err != nil {
			t.Fatal(err)
		}
		<-held.Done()
		if l.ValidUntil().After(time.Now()) {
			t.Errorf("the lock is lost, and valid for %v more", time.Until(l.ValidUntil()))
		}
		return nil
	})
	if !errors.Is(err, lock.ErrLost) {
		t.Errorf("it was told %v", err)
	}
}

func TestReleaseIsRepeatedUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithProxy())
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	granted, err := lease.Grant(t.Context(), lease.New(c.Name()), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	held, err := lock.Acquire(t.Context(), lock.New(c.Name()).WithName("n").WithLease(granted.GetID()))
	if err != nil {
		t.Fatal(err)
	}
	cluster.Member(0).Delay(200 * time.Millisecond)
	released := make(chan error, 1)
	go func() { released <- held.Release(t.Context()) }()
	time.Sleep(50 * time.Millisecond) // so that the request is under way
	cluster.Member(0).Cut()
	cluster.Member(0).Delay(0)
	cluster.Member(0).Heal()
	if err := <-released; err != nil {
		t.Error(err)
	}
	left, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey(held.Key))
	if err != nil || left.GetCount() != 0 {
		t.Errorf("%v are left: %v", left.GetKvs(), err)
	}
}
