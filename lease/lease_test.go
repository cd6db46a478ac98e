// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

func TestGrantRoundsTheTTLUpToWholeSeconds(t *testing.T) {
	for _, c := range []struct {
		ttl  time.Duration
		want int64
	}{
		{time.Millisecond, 1},
		{300 * time.Millisecond, 1},
		{2 * time.Second, 2},
		{2*time.Second + 1, 3},
		{9999 * time.Millisecond, 10},
		{365 * 24 * time.Hour, 365 * 24 * 60 * 60},
	} {
		r, err := lease.Grant(t.Context(), lease.New(registry), c.ttl)
		if err != nil {
			t.Errorf("%v: %v", c.ttl, err)
			continue
		}
		if r.ID == 0 || r.TTL != c.want {
			t.Errorf("a TTL of %v became %d s, want %d s; the ID is %d", c.ttl, r.TTL, c.want, r.ID)
		}
		k := keep(t, lease.New(registry), r.ID)
		if want := time.Duration(c.want) * time.Second; k.TTL() != want {
			t.Errorf("the Keeper of a lease of %v has a TTL of %v", want, k.TTL())
		}
		if left := time.Until(k.ValidUntil()); left > k.TTL() || left < k.TTL()-time.Second {
			t.Errorf("a lease of %v that was just renewed is valid for %v", k.TTL(), left)
		}
		_ = k.Close()
		if _, err := lease.Revoke(t.Context(), lease.New(registry), r.ID); err != nil {
			t.Error(err)
		}
	}
}

func TestGrantRefusesAnImpossibleTTL(t *testing.T) {
	for _, ttl := range []time.Duration{0, 10, time.Millisecond - 1, -1, -time.Hour, math.MinInt64} {
		_, err := lease.Grant(t.Context(), lease.New(registry), ttl)
		if !errors.Is(err, ctx.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%v: %v", ttl, err)
		}
	}
	_, err := lease.Grant(t.Context(), lease.New(registry), math.MaxInt64)
	if !errors.Is(err, etcderr.ErrLeaseTTLTooLarge) || etcderr.OutcomeOf(err) != etcderr.Rejected {
		t.Errorf("the longest Duration: %v", err)
	}
	r, err := lease.Grant(t.Context(), lease.New(registry), 9_000_000_000*time.Second)
	if err != nil || r.TTL != 9_000_000_000 {
		t.Fatalf("the server's maximum: %v, %v", r, err)
	}
	k := keep(t, lease.New(registry), r.ID)
	if left := time.Until(k.ValidUntil()); left < 50*365*24*time.Hour {
		t.Errorf("the longest lease is valid for %v", left)
	}
	_ = k.Close()
	if _, err := lease.Revoke(t.Context(), lease.New(registry), r.ID); err != nil {
		t.Error(err)
	}
}

func TestGrantTakesTheIDOfWithLease(t *testing.T) {
	const id = 0x1ea5e
	c := lease.New(registry).WithLease(id)
	r, err := lease.Grant(t.Context(), c, time.Minute)
	if err != nil || r.ID != id {
		t.Fatalf("Grant: %v, %v", r, err)
	}
	_, err = lease.Grant(t.Context(), c, time.Minute)
	if !errors.Is(err, etcderr.ErrLeaseExist) || etcderr.OutcomeOf(err) != etcderr.Rejected {
		t.Errorf("a second time: %v", err)
	}
	all, err := lease.Leases(t.Context(), lease.New(registry))
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, l := range all.Leases {
		if l.ID == id {
			listed++
		}
	}
	if listed != 1 {
		t.Errorf("Leases has it %d times: %v", listed, all.Leases)
	}
	if _, err := lease.Revoke(t.Context(), lease.New(registry), id); err != nil {
		t.Error(err)
	}
}

// functions are all functions of this package that send a request, with the name that their refusals use.
var functions = map[string]func(parent context.Context, c ctx.Ctx, id int64) error{
	"a lease grant request": func(parent context.Context, c ctx.Ctx, _ int64) error {
		_, err := lease.Grant(parent, c, time.Second)
		return err
	},
	"a lease list request": func(parent context.Context, c ctx.Ctx, _ int64) error {
		_, err := lease.Leases(parent, c)
		return err
	},
	"a lease revoke request": func(parent context.Context, c ctx.Ctx, id int64) error {
		_, err := lease.Revoke(parent, c, id)
		return err
	},
	"a lease time-to-live request": func(parent context.Context, c ctx.Ctx, id int64) error {
		_, err := lease.TimeToLive(parent, c, id, true)
		return err
	},
	"a lease keep-alive request": func(parent context.Context, c ctx.Ctx, id int64) error {
		k, err := lease.KeepAlive(parent, c, id)
		if err == nil {
			_ = k.Close()
		}
		return err
	},
	"a lease keep-alive request once": func(parent context.Context, c ctx.Ctx, id int64) error {
		_, err := lease.KeepAliveOnce(parent, c, id)
		return err
	},
}

func TestUnknownLeaseIsNotFound(t *testing.T) {
	for name, call := range functions {
		if name == "a lease grant request" || name == "a lease list request" {
			continue
		}
		for _, id := range []int64{404, 0, -1, math.MaxInt64} {
			err := call(t.Context(), lease.New(registry), id)
			if !errors.Is(err, etcderr.ErrLeaseNotFound) || etcderr.OutcomeOf(err) != etcderr.Rejected {
				t.Errorf("%s for lease %d: %v", name, id, err)
			}
		}
	}
}

func TestOptionsThatALeaseCallCannotUseAreRefused(t *testing.T) {
	for name, call := range functions {
		name := strings.TrimSuffix(name, " once")
		err := call(t.Context(), lease.New(registry).WithKey("k").WithLease(7).WithTimeout(-1), 7)
		if !errors.Is(err, ctx.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, method := range []string{"WithKey", "WithLease", "WithTimeout"} {
			refused := strings.Contains(err.Error(), method) && strings.Contains(err.Error(), name)
			if want := name != "a lease grant request" || method != "WithLease"; refused != want {
				t.Errorf("%s refuses %s: %v, want %v: %v", name, method, refused, want, err)
			}
		}
	}
	_, err := lease.Grant(t.Context(), lease.New(registry).WithKey("k"), 0)
	if err == nil || !strings.Contains(err.Error(), "WithKey") || !strings.Contains(err.Error(), "TTL") {
		t.Errorf("two conflicts in one request: %v", err)
	}
}

func TestCallsFailWithoutAnOpenConnectionOrALiveContext(t *testing.T) {
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	id := grant(t, lease.New(registry), time.Minute)
	for name, call := range functions {
		for _, c := range []ctx.Ctx{{}, lease.New("nobody knows me")} {
			if err := call(t.Context(), c, id); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("%s on %v: %v", name, c, err)
			}
		}
		if err := call(t.Context(), lease.New(registry).WithEndpoint("127.0.0.1:1"), id); !errors.Is(err, conn.ErrEndpoint) {
			t.Errorf("%s to an unknown endpoint: %v", name, err)
		}
		err := call(over, lease.New(registry), id)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, errEnough) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s with a context that is over: %v", name, err)
		}
		var nobody context.Context
		if err := call(nobody, lease.New(registry), id); !errors.Is(err, ctx.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s with a nil context: %v", name, err)
		}
	}
	if _, err := lease.Revoke(t.Context(), lease.New(registry), id); err != nil {
		t.Error(err) // or one of the calls above was sent
	}
}

func TestTimeToLiveTellsTheKeys(t *testing.T) {
	c := lease.New(registry)
	id := grant(t, c, time.Minute)
	var want []string
	for i := range 3 {
		key := fmt.Sprintf("%s/%d", t.Name(), i)
		want = append(want, key)
		if _, err := kv.Put(t.Context(), kv.New(registry).WithKey(key).WithLease(id)); err != nil {
			t.Fatal(err)
		}
	}
	for _, withKeys := range []bool{false, true} {
		r, err := lease.TimeToLive(t.Context(), c, id, withKeys)
		if err != nil {
			t.Fatal(err)
		}
		if r.ID != id || r.GrantedTTL != 60 || r.TTL < 50 || r.TTL > 60 {
			t.Errorf("TimeToLive: %v", r)
		}
		var keys []string
		for _, key := range r.Keys {
			keys = append(keys, string(key))
		}
		slices.Sort(keys)
		if withKeys && !slices.Equal(keys, want) || !withKeys && len(keys) > 0 {
			t.Errorf("withKeys %v gives %q", withKeys, keys)
		}
	}
	if _, err := lease.Revoke(t.Context(), c, id); err != nil {
		t.Fatal(err)
	}
	if r, err := kv.Get(t.Context(), kv.New(registry).WithKey(t.Name()).WithPrefix()); err != nil || len(r.Kvs) > 0 {
		t.Errorf("after Revoke its keys are %v, %v", r.GetKvs(), err)
	}
}

func TestBranchesOfOneRequestDoNotAffectEachOther(t *testing.T) {
	base := lease.New(registry)
	chosen, timed := base.WithLease(77), base.WithTimeout(time.Second)
	if _, err := lease.Leases(t.Context(), base); err != nil {
		t.Error(err)
	}
	if _, err := lease.Leases(t.Context(), timed); err != nil {
		t.Error(err)
	}
	if _, err := lease.Leases(t.Context(), chosen); !errors.Is(err, ctx.ErrInvalid) {
		t.Errorf("%v: %v", chosen, err)
	}
}
