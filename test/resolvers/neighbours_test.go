// SPDX-License-Identifier: Apache-2.0

package resolvers

import (
	"reflect"
	"testing"
	"time"

	"go.etcd.io/etcd/client/v3/naming/endpoints"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/resolver"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// TestEtcdsNamingClientAndTheResolverReadEachOther registers by each, and reads by each.
func TestEtcdsNamingClientAndTheResolverReadEachOther(t *testing.T) {
	cluster := etcdtest.Start(t)
	manager, err := endpoints.NewManager(clients.OpenClientV3(t, cluster.Endpoints()...), service)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, cluster.Endpoints())
	l := resolve(t, c.Name(), resolver.WithKeepLast(0), resolver.WithOnError(func(key string, err error) { t.Errorf("%s: %v", key, err) }))

	ours := resolver.Instance{Addr: "10.0.0.1:1", Weight: 3, Zone: "a", Metadata: map[string]any{"version": 2.0, "tags": []any{"x"}}}
	p, err := resolver.Register(t.Context(), resolver.New(c.Name()).WithKey(service), ours, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for key, metadata := range map[string]any{
		"none":   nil,
		"text":   "text",
		"number": 7,
		"object": map[string]any{"weight": 3, "zone": "a", "version": 2},
	} {
		if err := manager.AddEndpoint(t.Context(), service+"/"+key, endpoints.Endpoint{Addr: key + ":1", Metadata: metadata}); err != nil {
			t.Fatal(err)
		}
	}
	l.await(t, "10.0.0.1:1", "none:1", "text:1", "number:1", "object:1")

	theirs, err := manager.List(t.Context())
	if err != nil || len(theirs) != 5 {
		t.Fatalf("etcd's naming client lists %v, %v", theirs, err)
	}
	want := endpoints.Endpoint{Addr: "10.0.0.1:1", Metadata: map[string]any{"weight": 3.0, "zone": "a", "version": 2.0, "tags": []any{"x"}}}
	found := 0
	for _, e := range theirs {
		if e.Addr == want.Addr {
			found++
			if !reflect.DeepEqual(e, want) {
				t.Errorf("etcd's naming client reads %+v, want %+v", e, want)
			}
		}
	}
	if found != 1 {
		t.Errorf("etcd's naming client finds our instance %d times", found)
	}
	if err := manager.DeleteEndpoint(t.Context(), service+"/text"); err != nil {
		t.Fatal(err)
	}
	l.await(t, "10.0.0.1:1", "none:1", "number:1", "object:1")
	if err := p.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.await(t, "none:1", "number:1", "object:1")
	if left, err := manager.List(t.Context()); err != nil || len(left) != 3 {
		t.Errorf("etcd's naming client lists %v, %v", left, err)
	}
}
