// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/presence"
)

func TestKeyComesBackWhateverOthersDoToIt(t *testing.T) {
	t.Parallel()
	for name, loss := range map[string]struct {
		inflict func(t *testing.T, c presence.Request, p *presence.Presence)
		reason  error
	}{
		"the lease is revoked": {
			func(t *testing.T, _ presence.Request, p *presence.Presence) { revoke(t, registry, p.State().Lease) }, presence.ErrDeleted,
		},
		"the key is deleted": {func(t *testing.T, c presence.Request, _ *presence.Presence) { remove(t, c) }, presence.ErrDeleted},
		"the key is overwritten without a lease": {
			func(t *testing.T, c presence.Request, _ *presence.Presence) { put(t, c.WithValue("x")) }, presence.ErrOverwritten,
		},
		"the key is taken over under another lease": {
			func(t *testing.T, c presence.Request, p *presence.Presence) {
				id := grant(t, registry, time.Minute)
				put(t, c.WithValue("x").WithLease(id))
				until(t, p, "told of it", func(s presence.State) bool { return errors.Is(s.Err, presence.ErrHeld) })
				revoke(t, registry, id)
			}, presence.ErrHeld,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := mine(t)
			p := keep(t, c, time.Minute) // no renewal tells of the loss in time
			if err := p.Set(t.Context(), "newest"); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if reasons := seen(t, p, func() { loss.inflict(t, c, p) }); !has(reasons, loss.reason) {
					t.Errorf("reasons %v, want %v", reasons, loss.reason)
				}
				holds(t, p, c, "newest")
			}
		})
	}
}

func TestLeaseThatIsRevokedIsReplaced(t *testing.T) {
	c := mine(t)
	p := keep(t, c, time.Minute)
	before := p.State()
	revoke(t, registry, before.Lease)
	if now := backAgain(t, p, before); now.Lease == before.Lease {
		t.Errorf("after its lease was revoked: %+v", now)
	}
	before = p.State()
	remove(t, c)
	if now := backAgain(t, p, before); now.Lease != before.Lease {
		t.Errorf("after a deletion the lease was replaced: %+v", now)
	}
}

func TestKeyOfSomebodyElseIsNeverOverwritten(t *testing.T) {
	c := mine(t)
	p := keep(t, c, time.Minute)
	id := grant(t, registry, time.Minute)
	put(t, c.WithValue("theirs").WithLease(id))
	until(t, p, "told of it", func(s presence.State) bool { return errors.Is(s.Err, presence.ErrHeld) })
	setting, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := p.Set(setting, "mine"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, presence.ErrHeld) {
		t.Errorf("Set: %v", err)
	}
	put(t, c.WithValue("still theirs").WithLease(id))
	time.Sleep(100 * time.Millisecond)
	if there := at(t, c); string(there.GetValue()) != "still theirs" || there.GetLease() != id {
		t.Errorf("somebody else's key is %v", there)
	}
	revoke(t, registry, id)
	until(t, p, "back", isPresent)
	holds(t, p, c, "mine") // a Set that ran out of time counts
	put(t, c.WithValue("theirs").WithLease(grant(t, registry, time.Minute)))
	until(t, p, "told of it", func(s presence.State) bool { return errors.Is(s.Err, presence.ErrHeld) })
	leave(t, p)
	if there := at(t, c); string(there.GetValue()) != "theirs" {
		t.Errorf("Leave has deleted somebody else's key: %v", there)
	}
}

func TestTwoPresencesOfOneKeyTakeTurns(t *testing.T) {
	c := mine(t)
	one := keep(t, c.WithValue("one"), time.Minute)
	came := make(chan *presence.Presence)
	go func() {
		other, err := presence.Keep(context.Background(), c.WithValue("other"), time.Minute)
		if err != nil {
			t.Error(err)
		}
		came <- other
	}()
	select {
	case <-came:
		t.Error("both are there")
	case <-time.After(200 * time.Millisecond):
	}
	holds(t, one, c, "one")
	leave(t, one)
	other := <-came
	holds(t, other, c, "other")
	leave(t, other)
}

func TestWithoutReturnALostKeyStaysLost(t *testing.T) {
	for name, loss := range map[string]struct {
		inflict func(t *testing.T, c presence.Request, s presence.State)
		reason  error
		stays   string
	}{
		"the lease is revoked": {
			inflict: func(t *testing.T, _ presence.Request, s presence.State) { revoke(t, registry, s.Lease) }, reason: presence.ErrDeleted,
		},
		"the key is deleted": {
			inflict: func(t *testing.T, c presence.Request, _ presence.State) { remove(t, c) }, reason: presence.ErrDeleted,
		},
		"the key is overwritten": {
			inflict: func(t *testing.T, c presence.Request, _ presence.State) { put(t, c.WithValue("x")) }, reason: presence.ErrOverwritten, stays: "x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := mine(t)
			p := keep(t, c, time.Minute, presence.WithoutReturn())
			id := p.State().Lease
			if err := p.Set(t.Context(), "b"); err != nil {
				t.Fatal(err)
			}
			loss.inflict(t, c, p.State())
			<-p.Done()
			if err := p.Err(); !errors.Is(err, loss.reason) {
				t.Errorf("Err: %v, want %v", err, loss.reason)
			}
			if s := p.State(); s.Present || !errors.Is(s.Err, loss.reason) {
				t.Errorf("the state: %+v", s)
			}
			if err := p.Set(t.Context(), "c"); !errors.Is(err, presence.ErrLeft) || !errors.Is(err, loss.reason) {
				t.Errorf("Set: %v", err)
			}
			if err := p.Leave(t.Context()); err != nil {
				t.Errorf("Leave of a key that is lost: %v", err)
			}
			if there := at(t, c); string(there.GetValue()) != loss.stays {
				t.Errorf("the key is %v", there)
			}
			if gone(t, id) != nil {
				t.Error("the lease is left")
			}
		})
	}
}

func TestPresenceThatIsRefusedForAWhileComesBack(t *testing.T) {
	t.Parallel()
	// Somebody else deletes the key time and again: each return waits longer than the one before, and none is the last.
	c := mine(t)
	p := keep(t, c, time.Minute)
	for range 5 {
		before := p.State()
		remove(t, c)
		backAgain(t, p, before)
	}
	holds(t, p, c, "a")
}

// gone is nil if no such lease exists.
func gone(t *testing.T, id int64) error {
	t.Helper()
	_, err := kv.Put(t.Context(), kv.New(registry).WithKey(t.Name()+"/probe").WithLease(id))
	if errors.Is(err, etcderr.ErrLeaseNotFound) {
		return nil
	}
	return errors.New("the lease exists")
}
