// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/presence"
)

func TestKeyIsThereWhenKeepReturnsAndGoneWhenLeaveDoes(t *testing.T) {
	c := mine(t)
	p := keep(t, c, 10*time.Second)
	holds(t, p, c, "a")
	id := p.State().Lease
	leave(t, p)
	if there := at(t, c); there != nil {
		t.Errorf("after Leave there is %v", there)
	}
	if _, err := lease.TimeToLive(t.Context(), lease.New(registry), id, false); !errors.Is(err, etcderr.ErrLeaseNotFound) {
		t.Errorf("after Leave the lease gives %v", err)
	}
	<-p.Done()
	if s := p.State(); p.Err() != nil || s.Present || s.Err != nil {
		t.Errorf("after Leave Err is %v and the state %+v", p.Err(), s)
	}
	if err := p.Leave(t.Context()); err != nil {
		t.Errorf("the second Leave: %v", err)
	}
	if err := p.Set(t.Context(), "b"); !errors.Is(err, presence.ErrLeft) {
		t.Errorf("Set after Leave: %v", err)
	}
}

func TestSetGivesTheKeyAnotherValueUnderTheSameLease(t *testing.T) {
	c := mine(t)
	p := keep(t, c, 10*time.Second)
	before := p.State()
	for _, value := range []string{"b", "c", "c", ""} {
		if err := p.Set(t.Context(), value); err != nil {
			t.Fatal(err)
		}
		holds(t, p, c, value)
	}
	if now := p.State(); now.Lease != before.Lease || now.Since != before.Since || now.Rev <= before.Rev {
		t.Errorf("from %+v to %+v", before, now)
	}
	if there := at(t, c); there.GetVersion() != 4 {
		t.Errorf("four different values in a row are version %d: equal values are put once", there.GetVersion())
	}
}

func TestNewestOfManySetsWins(t *testing.T) {
	c := mine(t)
	p := keep(t, c, 10*time.Second)
	done := make(chan error)
	for range 50 {
		go func() { done <- p.Set(t.Context(), "one of many") }()
	}
	for range 50 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := p.Set(t.Context(), "last"); err != nil {
		t.Error(err)
	}
	holds(t, p, c, "last")
}

func TestValueThatTheServersRefuseChangesNothing(t *testing.T) {
	c := mine(t)
	p := keep(t, c, 10*time.Second)
	if err := p.Set(t.Context(), strings.Repeat("x", 3<<20)); !errors.Is(err, etcderr.ErrRequestTooLarge) {
		t.Errorf("a value of 3 MiB: %v", err)
	}
	holds(t, p, c, "a")
	if err := p.Set(t.Context(), "b"); err != nil {
		t.Error(err)
	}
	holds(t, p, c, "b")
	if _, err := presence.Keep(t.Context(), c.WithKey(t.Name()+"/2").WithValue(strings.Repeat("x", 3<<20)), 10*time.Second); !errors.Is(err, etcderr.ErrRequestTooLarge) {
		t.Errorf("Keep of 3 MiB: %v", err)
	}
}

func TestKeepWaitsForThePredecessorsKeyToGo(t *testing.T) {
	t.Parallel()
	c := mine(t)
	put(t, c.WithValue("predecessor").WithLease(grant(t, registry, 2*time.Second)))
	p := keep(t, c, 10*time.Second)
	holds(t, p, c, "a")
	if there := at(t, c); there.GetVersion() != 1 {
		t.Errorf("the predecessor's key was overwritten: version %d", there.GetVersion())
	}
}

func TestKeepTellsThatItWaitedForSomebodyElsesKey(t *testing.T) {
	c := mine(t)
	id := grant(t, registry, time.Minute)
	defer revoke(t, registry, id)
	put(t, c.WithValue("predecessor").WithLease(id))
	// Keep can only tell what it has seen, so it gets more time on a machine that is slow.
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		_, err := presence.Keep(t.Context(), c.WithTimeout(wait), 10*time.Second)
		if errors.Is(err, presence.ErrHeld) && errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if wait > patience {
			t.Fatalf("Keep: %v", err)
		}
	}
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		parent, cancel := context.WithCancel(t.Context())
		time.AfterFunc(wait, cancel)
		_, err := presence.Keep(parent, c, 10*time.Second)
		if errors.Is(err, presence.ErrHeld) && errors.Is(err, context.Canceled) {
			break
		}
		if wait > patience {
			t.Fatalf("Keep whose parent ends: %v", err)
		}
	}
	if there := at(t, c); string(there.GetValue()) != "predecessor" || there.GetVersion() != 1 {
		t.Errorf("somebody else's key is %v", there)
	}
}

func TestKeyWithoutALeaseIsTakenOver(t *testing.T) {
	c := mine(t)
	put(t, c.WithValue("left by a script"))
	p := keep(t, c, 10*time.Second)
	holds(t, p, c, "a")
}

func TestEndOfParentLeaves(t *testing.T) {
	c := mine(t)
	parent, cancel := context.WithCancelCause(t.Context())
	p, err := presence.Keep(parent, c, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	reason := errors.New("the program ends")
	cancel(reason)
	<-p.Done()
	if there := at(t, c); there != nil {
		t.Errorf("after the end of parent there is %v", there)
	}
	if err := p.Err(); !errors.Is(err, context.Canceled) || !errors.Is(err, reason) {
		t.Errorf("Err: %v", err)
	}
	if err := p.Leave(t.Context()); err != nil {
		t.Errorf("Leave after it: %v", err)
	}
}

func TestClosedConnectionEndsAPresence(t *testing.T) {
	shared, err := conn.Lookup(registry)
	if err != nil {
		t.Fatal(err)
	}
	var endpoints []string
	for _, e := range shared.Info() {
		endpoints = append(endpoints, e.Address)
	}
	c, err := conn.Open(t.Context(), "", endpoints)
	if err != nil {
		t.Fatal(err)
	}
	p, err := presence.Keep(t.Context(), mine(t).WithConn(c.Name()), 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	for what, err := range map[string]error{"Err": p.Err(), "Leave": p.Leave(t.Context()), "Set": p.Set(t.Context(), "b")} {
		if !errors.Is(err, conn.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	last := presence.State{Present: true}
	for last = range p.Changes() {
	}
	if last.Present || !errors.Is(last.Err, conn.ErrClosed) {
		t.Errorf("the last state: %+v", last)
	}
}

func TestChangesTellsEachReaderTheStateAndWhatFollows(t *testing.T) {
	c := mine(t)
	p := keep(t, c, 10*time.Second)
	reader := func(told chan<- presence.State) {
		for s := range p.Changes() {
			told <- s
		}
		close(told)
	}
	one, other := make(chan presence.State, 100), make(chan presence.State)
	go reader(one)
	go reader(other) // slow: nobody reads yet
	if s := <-one; !s.Present || s != p.State() {
		t.Errorf("the first state: %+v", s)
	}
	if err := p.Set(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if s := <-one; !s.Present || s != p.State() {
		t.Errorf("after Set: %+v", s)
	}
	remove(t, c)
	if s := <-one; s.Present || !errors.Is(s.Err, presence.ErrDeleted) || s.Rev != 0 || s.Lease != 0 {
		t.Errorf("after a deletion: %+v", s)
	}
	if s := <-one; !s.Present || s.Err != nil {
		t.Errorf("after the return: %+v", s)
	}
	leave(t, p)
	for s := range one {
		if s.Present {
			t.Errorf("after Leave: %+v", s)
		}
	}
	n := 0
	var last presence.State
	for last = range other {
		n++
	}
	if n > 2 || last.Present {
		t.Errorf("a slow reader was told %d states, the last one is %+v", n, last)
	}
}

func TestBadRequestsAreRefusedBeforeAnythingIsSent(t *testing.T) {
	p := keep(t, mine(t), 10*time.Second)
	c := mine(t).WithKey(t.Name() + "/none")
	ctx := t.Context()
	var none context.Context
	for name, err := range map[string]error{
		"presence: the parent context is nil": second(presence.Keep(none, c, time.Second)),
		"needs WithKey":                       second(presence.Keep(ctx, presence.New(registry).WithValue("a"), time.Second)),
		"WithPrefix":                          second(presence.Keep(ctx, c.WithPrefix(), time.Second)),
		"WithLease":                           second(presence.Keep(ctx, c.WithLease(1), time.Second)),
		"WithEndpoint":                        second(presence.Keep(ctx, c.WithEndpoint("127.0.0.1:1"), time.Second)),
		"below 1ms":                           second(presence.Keep(ctx, c, 10)),
		"TTL of 0s":                           second(presence.Keep(ctx, c, 0)),
		"session of WithSession is nil":       second(presence.Keep(ctx, c, 0, presence.WithSession(nil))),
		"with WithSession it is 0":            second(presence.Keep(ctx, c, time.Second, presence.WithSession(p))),
		"keeps the key":                       second(presence.Keep(ctx, mine(t), 0, presence.WithSession(p))),
		"the parent context is nil":           p.Set(none, "b"),
		"parent context is nil":               p.Leave(none),
	} {
		if !errors.Is(err, kv.ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("want kv.ErrInvalid with %q: %v", name, err)
		}
	}
	if !p.State().Present {
		t.Error("Leave with a nil context has left")
	}
	if _, err := presence.Keep(ctx, c.WithConn("nowhere"), time.Second); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("Keep on no connection: %v", err)
	}
	if _, err := presence.Keep(ctx, c, 290*365*24*time.Hour); !errors.Is(err, etcderr.ErrLeaseTTLTooLarge) {
		t.Errorf("a TTL of 290 years: %v", err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := presence.Keep(over, c, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("Keep whose parent has ended: %v", err)
	}
	if err := p.Set(over, "b"); !errors.Is(err, context.Canceled) {
		t.Errorf("Set whose parent has ended: %v", err)
	}
	if there := at(t, c); there != nil {
		t.Errorf("a bad request has put %v", there)
	}
}

func second(_ *presence.Presence, err error) error { return err }
