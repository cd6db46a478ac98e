// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/resolver"
)

// states takes the lists that a resolver has for gRPC.
type states struct {
	t *testing.T
	grpcresolver.ClientConn
	lists  chan []resolver.Instance
	errors chan error
}

func newStates(t *testing.T) *states {
	return &states{t: t, lists: make(chan []resolver.Instance, 100), errors: make(chan error, 100)}
}

// watchStates resolves a service.
func watchStates(t *testing.T, service string, opts ...resolver.Option) *states {
	t.Helper()
	s := newStates(t)
	r, err := build(s, "etcd:///"+service, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return s
}

func build(s *states, target string, opts ...resolver.Option) (grpcresolver.Resolver, error) {
	u, err := url.Parse(target)
	if err != nil {
		s.t.Fatal(err)
	}
	return resolver.Builder(registry, opts...).Build(grpcresolver.Target{URL: *u}, s, grpcresolver.BuildOptions{})
}

func (s *states) UpdateState(state grpcresolver.State) error {
	list := []resolver.Instance{}
	if len(state.Addresses) != len(state.Endpoints) {
		s.t.Errorf("there are %d addresses, and %d endpoints", len(state.Addresses), len(state.Endpoints))
	}
	for i, e := range state.Endpoints {
		from, ok := resolver.FromEndpoint(e)
		if !ok || from.Addr != e.Addresses[0].Addr || from.Addr != state.Addresses[i].Addr {
			s.t.Errorf("%+v has the instance %+v", e, from)
		}
		list = append(list, from)
	}
	s.lists <- list
	return nil
}

func (s *states) ReportError(err error) { s.errors <- err }

func (s *states) next() []resolver.Instance {
	s.t.Helper()
	select {
	case list := <-s.lists:
		return list
	case <-time.After(patience):
		s.t.Fatal("no list comes")
		return nil
	}
}

func TestTargetNamesAPrefixThatEndsWithASlash(t *testing.T) {
	for target, prefix := range map[string]string{
		"etcd:///targets/billing":  "targets/billing",
		"etcd:///targets/billing/": "targets/billing",
		"etcd:targets/billing":     "targets/billing",
		"etcd:/targets/billing":    "targets/billing",
		"etcd:////targets/billing": "/targets/billing",
		"etcd:///services%2Fb%20c": "services/b c",
		"etcd:services%2Fb%20c":    "services/b c",
	} {
		put(t, registry, prefix, "a", encode(t, resolver.Instance{Addr: "right"}))
		put(t, registry, prefix+"-other", "a", encode(t, resolver.Instance{Addr: "wrong"}))
		s := newStates(t)
		r, err := build(s, target)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if list := s.next(); len(list) != 1 || list[0].Addr != "right" {
			t.Errorf("%s lists %+v", target, list)
		}
		r.Close()
	}
}

func TestBadTargetsAndOptionsAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		target string
		opts   []resolver.Option
		want   string
	}{
		"another scheme":    {"dns:///billing", nil, "the scheme of the target is not etcd"},
		"no scheme":         {"billing", nil, "the scheme of the target is not etcd"},
		"a host":            {"etcd://10.0.0.1:2379/billing", nil, "the target has a host"},
		"a user":            {"etcd://root:secret@/billing", nil, "the target has a host"},
		"a query":           {"etcd:///billing?zone=a", nil, "the target has a query"},
		"a fragment":        {"etcd:///billing#1", nil, "the target has a query or a fragment"},
		"no name":           {"etcd:///", nil, "the target names no service"},
		"a bad escape":      {"etcd:bill%ing", nil, "a bad escape"},
		"nothing":           {"etcd:", nil, "the target names no service"},
		"a nil format":      {"etcd:///billing", []resolver.Option{resolver.WithFormat(nil)}, "WithFormat is nil"},
		"a negative time":   {"etcd:///billing", []resolver.Option{resolver.WithKeepLast(-1)}, "WithKeepLast is -1ns"},
		"a time and a host": {"etcd://a/b", []resolver.Option{resolver.WithKeepLast(-1), nil}, "WithKeepLast"},
	} {
		r, err := build(newStates(t), tt.target, tt.opts...)
		if r != nil || !errors.Is(err, kv.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error is %v, want one with %q", name, err, tt.want)
		}
	}
}

// A connection whose name is not open may be opened later. No connection has an empty name.
func TestBuilderWithoutAConnectionIsRefused(t *testing.T) {
	u := url.URL{Scheme: resolver.Scheme, Path: "/billing"}
	r, err := resolver.Builder("").Build(grpcresolver.Target{URL: u}, newStates(t), grpcresolver.BuildOptions{})
	if r != nil {
		r.Close()
	}
	if r != nil || !errors.Is(err, kv.ErrInvalid) || !strings.Contains(err.Error(), "resolver: Builder has no name of a connection") {
		t.Errorf("the error is %v", err)
	}
}

func TestCallTellsWhatIsWrongWithATarget(t *testing.T) {
	c, err := grpc.NewClient("etcd://10.0.0.1:2379/billing",
		grpc.WithResolvers(resolver.Builder(registry)), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err == nil {
		defer c.Close()
		limited, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err = healthpb.NewHealthClient(c).Check(limited, &healthpb.HealthCheckRequest{})
	}
	if err == nil || !strings.Contains(err.Error(), "the target has a host") {
		t.Errorf("the error is %v", err)
	}
}

func TestCloseEndsAResolverInEachPhase(t *testing.T) {
	for name, prepare := range map[string]func(s *states){
		"before a list": func(*states) {},
		"listed":        func(s *states) { s.next() },
		"keeping": func(s *states) {
			s.next()
			remove(t, registry, t.Name())
		},
	} {
		put(t, registry, t.Name(), "a", encode(t, resolver.Instance{Addr: "h:1"}))
		s := newStates(t)
		r, err := build(s, "etcd:///"+t.Name())
		if err != nil {
			t.Fatal(err)
		}
		prepare(s)
		r.ResolveNow(grpcresolver.ResolveNowOptions{})
		r.Close()
		for len(s.lists) > 0 {
			<-s.lists
		}
		put(t, registry, t.Name(), "b", encode(t, resolver.Instance{Addr: "h:2"}))
		if len(s.lists) > 0 {
			t.Errorf("%s: after Close a list comes", name)
		}
	}
}
