// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/presence"
)

// registry is the connection to the cluster that the tests share.
const registry = "registry"

func TestMain(m *testing.M) {
	onecluster.WaitTogether(6)
	onecluster.Main(m, registry, nil)
}

// patience bounds what has to come about sooner or later. It is generous, because a machine may be busy.
const patience = 60 * time.Second

// mine is a request for a key of the test's own.
func mine(t *testing.T) presence.Request {
	return presence.New(registry).WithKey(t.Name()).WithValue("a")
}

// open opens a connection of the test's own.
func open(t *testing.T, cluster *etcdtest.Cluster, opts ...conn.Option) string {
	t.Helper()
	return onecluster.Open(t, "", cluster.Endpoints(), opts...).Name()
}

func keep(t *testing.T, c presence.Request, ttl time.Duration, opts ...presence.Option) *presence.Presence {
	t.Helper()
	p, err := presence.Keep(context.Background(), c.WithTimeout(patience), ttl, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		done, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Leave(done)
	})
	return p
}

// at is what is at the key of a request, nil if nothing is.
func at(t *testing.T, c presence.Request) *mvccpb.KeyValue {
	t.Helper()
	for began := time.Now(); ; {
		there, err := kv.Get(t.Context(), kv.New(sealed.Ctx(c).Conn()).WithKey(sealed.Ctx(c).Key()))
		switch {
		case err != nil && time.Since(began) > patience:
			t.Fatal(err)
		case err != nil:
			time.Sleep(20 * time.Millisecond)
		case len(there.GetKvs()) == 0:
			return nil
		default:
			return there.GetKvs()[0]
		}
	}
}

// until waits for a state.
func until(t *testing.T, p *presence.Presence, what string, holds func(presence.State) bool) presence.State {
	t.Helper()
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		s := p.State()
		if holds(s) {
			return s
		}
		if time.Since(began) > patience {
			t.Fatalf("the presence is not %s, it is %+v", what, s)
		}
	}
}

func isPresent(s presence.State) bool { return s.Present }

// backAgain waits until the presence has another lease, or another put, than before.
func backAgain(t *testing.T, p *presence.Presence, before presence.State) presence.State {
	t.Helper()
	return until(t, p, "back", func(s presence.State) bool { return s.Present && s != before })
}

// holds checks that the key is there with a value, as the state says.
func holds(t *testing.T, p *presence.Presence, c presence.Request, value string) {
	t.Helper()
	s, there := p.State(), at(t, c)
	if !s.Present || string(there.GetValue()) != value || there.GetLease() != s.Lease || there.GetModRevision() != s.Rev {
		t.Errorf("the key has %q under lease %x at %d, want %q and what the state says: %+v",
			there.GetValue(), there.GetLease(), there.GetModRevision(), value, s)
	}
}

// seen is the reasons that a presence gives while f runs and until its key is back.
func seen(t *testing.T, p *presence.Presence, f func()) []error {
	t.Helper()
	before := p.State()
	states := make(chan presence.State, 1000)
	go func() {
		for s := range p.Changes() {
			states <- s
			if s.Present && s != before {
				break
			}
		}
		close(states)
	}()
	<-states // the state before
	f()
	backAgain(t, p, before)
	var reasons []error
	for s := range states {
		if s.Err != nil {
			reasons = append(reasons, s.Err)
		}
	}
	return reasons
}

func has(reasons []error, want error) bool {
	for _, err := range reasons {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

func grant(t *testing.T, c string, ttl time.Duration) int64 {
	t.Helper()
	granted, err := lease.Grant(t.Context(), lease.New(c), ttl)
	if err != nil {
		t.Fatal(err)
	}
	return granted.GetID()
}

func put(t *testing.T, c presence.Request) {
	t.Helper()
	if _, err := kv.Put(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, c presence.Request) {
	t.Helper()
	if _, err := kv.Delete(t.Context(), kv.New(sealed.Ctx(c).Conn()).WithKey(sealed.Ctx(c).Key())); err != nil {
		t.Fatal(err)
	}
}

func revoke(t *testing.T, c string, id int64) {
	t.Helper()
	if _, err := lease.Revoke(t.Context(), lease.New(c), id); err != nil {
		t.Fatal(err)
	}
}

func leave(t *testing.T, p *presence.Presence) {
	t.Helper()
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.Leave(within); err != nil {
		t.Fatal(err)
	}
}
