// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/presence"
)

func TestManyKeysShareTheLeaseOfASession(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := presence.New(open(t, cluster)).WithKey("session").WithValue("s")
	s := keep(t, c, time.Minute)
	var keys []*presence.Presence
	key := func(i int) presence.Request { return c.WithSubKey("/" + strconv.Itoa(i)).WithValue(strconv.Itoa(i)) }
	for i := range 20 {
		keys = append(keys, keep(t, key(i), 0, presence.WithSession(s)))
		holds(t, keys[i], key(i), strconv.Itoa(i))
	}
	all, err := lease.Leases(t.Context(), lease.New(sealed.Ctx(c).Conn()))
	if err != nil || len(all.GetLeases()) != 1 {
		t.Errorf("21 keys have the leases %v: %v", all.GetLeases(), err)
	}
	before := s.State()
	revoke(t, sealed.Ctx(c).Conn(), before.Lease)
	now := backAgain(t, s, before)
	for i, p := range keys {
		until(t, p, "back under the lease of the session", func(s presence.State) bool { return s.Present && s.Lease == now.Lease })
		holds(t, p, key(i), strconv.Itoa(i))
	}
	if err := keys[3].Set(t.Context(), "b"); err != nil {
		t.Error(err)
	}
	holds(t, keys[3], key(3), "b")
	leave(t, keys[3])
	if there := at(t, key(3)); there != nil {
		t.Errorf("a key that has left: %v", there)
	}
	holds(t, s, c, "s")
	holds(t, keys[4], key(4), "4")
	leave(t, s)
	left, err := kv.Get(t.Context(), kv.New(sealed.Ctx(c).Conn()).WithKey("session").WithPrefix())
	if err != nil || left.GetCount() != 0 {
		t.Errorf("after the session has left: %v %v", left.GetKvs(), err)
	}
	for _, p := range keys[4:] {
		<-p.Done()
		if !errors.Is(p.Err(), presence.ErrSession) {
			t.Errorf("Err of a key whose session has left: %v", p.Err())
		}
	}
	if _, err := presence.Keep(t.Context(), key(50), 0, presence.WithSession(s)); !errors.Is(err, presence.ErrSession) {
		t.Errorf("Keep in a session that has left: %v", err)
	}
}

func TestKeyOfASessionComesBackWhateverOthersDoToIt(t *testing.T) {
	t.Parallel()
	c := mine(t)
	s := keep(t, c, time.Minute)
	key := c.WithSubKey("/key")
	p := keep(t, key, 0, presence.WithSession(s))
	for _, inflict := range []func(){
		func() { remove(t, key) },
		func() { put(t, key.WithValue("x")) },
		func() {
			theirs := grant(t, registry, time.Minute)
			put(t, key.WithValue("x").WithLease(theirs))
			until(t, p, "told of it", func(s presence.State) bool { return errors.Is(s.Err, presence.ErrHeld) })
			revoke(t, registry, theirs)
		},
	} {
		before := p.State()
		inflict()
		backAgain(t, p, before)
		holds(t, p, key, "a")
	}
	before := p.State()
	remove(t, c) // the session's own key, not its lease
	until(t, s, "back", isPresent)
	if p.State() != before {
		t.Errorf("the key of the session has gone with another one: %+v", p.State())
	}
}

func TestSessionHasEachKeyOnceAndAgainAfterLeave(t *testing.T) {
	s := keep(t, mine(t), time.Minute)
	key := mine(t).WithSubKey("/key")
	for range 5 {
		p := keep(t, key, 0, presence.WithSession(s))
		if _, err := presence.Keep(t.Context(), key, 0, presence.WithSession(s)); !errors.Is(err, kv.ErrInvalid) {
			t.Errorf("the same key again: %v", err)
		}
		inner := keep(t, key.WithSubKey("/inner"), 0, presence.WithSession(p))
		if inner.State().Lease != s.State().Lease {
			t.Error("a session within a session has another lease")
		}
		leave(t, p)
		if !inner.State().Present {
			t.Error("the Leave of a key has taken another key with it")
		}
		leave(t, inner)
	}
	if there := at(t, key); there != nil {
		t.Errorf("after Leave: %v", there)
	}
}

func TestEndOfASessionEndsItsKeysDuringAnOutage(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	c := mine(t).WithConn(open(t, cluster))
	s := keep(t, c, time.Minute)
	p := keep(t, c.WithSubKey("/key"), 0, presence.WithSession(s))
	cluster.Member(0).Kill()
	setting, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = p.Set(setting, "b") // a put that is under way
	leaving, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Leave(leaving); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Leave during an outage: %v", err)
	}
	if err := p.Set(t.Context(), "c"); !errors.Is(err, presence.ErrSession) {
		t.Errorf("Set of a key whose session has left: %v", err)
	}
}

func TestSessionIsOfOneConnection(t *testing.T) {
	cluster := etcdtest.Start(t)
	s := keep(t, mine(t), time.Minute)
	if _, err := presence.Keep(t.Context(), mine(t).WithConn(open(t, cluster)), 0, presence.WithSession(s)); !errors.Is(err, kv.ErrInvalid) {
		t.Errorf("a session on another connection: %v", err)
	}
}
