// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/resolver"
)

func TestProcessThatStartsAgainIsRegisteredBeforeItsOldKeyIsGone(t *testing.T) {
	a := serve(t)
	old := resolver.Instance{Addr: a, Zone: "old"}
	register(t, registry, t.Name(), old) // which crashes
	began := time.Now()
	again := register(t, registry, t.Name(), resolver.Instance{Addr: a, Zone: "new"})
	if took := time.Since(began); took > ttl/2 {
		t.Errorf("it took %v", took)
	}
	at := watchStates(t, t.Name())
	if first := at.next(); len(first) != 1 || first[0].Zone != "new" {
		t.Errorf("the list is %+v, want the newer one alone", first)
	}
	if err := again.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first := at.next(); len(first) != 1 || first[0].Zone != "old" {
		t.Errorf("the list is %+v, want the older one, whose key is there", first)
	}
}

func TestRegisteredInstanceMayChange(t *testing.T) {
	p := register(t, registry, t.Name(), resolver.Instance{Addr: "h:1", Weight: 1})
	at := watchStates(t, t.Name())
	at.next()
	if err := p.Set(t.Context(), encode(t, resolver.Instance{Addr: "h:1", Weight: 2})); err != nil {
		t.Fatal(err)
	}
	if now := at.next(); len(now) != 1 || now[0].Weight != 2 {
		t.Errorf("the list is %+v", now)
	}
}

func TestRegisterRefusesBadInput(t *testing.T) {
	service, good := resolver.New(registry).WithKey("services/billing"), resolver.Instance{Addr: "h:1"}
	for name, tt := range map[string]struct {
		parent   context.Context
		c        resolver.Request
		instance resolver.Instance
		ttl      time.Duration
		want     string
	}{
		"no key":       {t.Context(), resolver.New(registry), good, ttl, "needs WithKey"},
		"a slash":      {t.Context(), service.WithKey("/"), good, ttl, "needs WithKey"},
		"a prefix":     {t.Context(), service.WithPrefix(), good, ttl, "WithPrefix"},
		"a value":      {t.Context(), service.WithValue("v"), good, ttl, "WithValue"},
		"no address":   {t.Context(), service, resolver.Instance{}, ttl, "no Addr"},
		"not for JSON": {t.Context(), service, resolver.Instance{Addr: "h:1", Metadata: math.NaN()}, ttl, "NaN"},
		"no object":    {t.Context(), service, resolver.Instance{Addr: "h:1", Metadata: "text", Weight: 1}, ttl, "no object"},
		"no ttl":       {t.Context(), service, good, 0, "a TTL of 0s is below 1ms"},
		"a bad ttl":    {t.Context(), service, good, -time.Second, "a TTL of -1s is below 1ms"},
		"no unit":      {t.Context(), service, good, 10, "a TTL of 10ns is below 1ms"},
		"no parent":    {nil, service, good, ttl, "the parent context is nil"},
	} {
		p, err := resolver.Register(tt.parent, tt.c, tt.instance, tt.ttl)
		if p != nil || !errors.Is(err, kv.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one with %q", name, err, tt.want)
		}
	}
	if _, err := resolver.Register(t.Context(), service.WithConn("nowhere"), good, ttl); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("without a connection the error is %v", err)
	}
	large := resolver.Instance{Addr: "h:1", Metadata: strings.Repeat("m", 3<<20)}
	for name, tt := range map[string]struct {
		instance resolver.Instance
		ttl      time.Duration
		is       error
		want     string
	}{
		"a TTL of ages": {good, math.MaxInt64, etcderr.ErrLeaseTTLTooLarge, "too large lease TTL"},
		"a large value": {large, ttl, etcderr.ErrRequestTooLarge, "too large"},
	} {
		p, err := resolver.Register(t.Context(), service.WithTimeout(patience), tt.instance, tt.ttl)
		if p != nil || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 500 {
			t.Errorf("%s: the error is %v, want one with %q", name, err, tt.want)
		}
	}
}
