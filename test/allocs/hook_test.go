// SPDX-License-Identifier: Apache-2.0

//go:build !race

package allocs

import (
	"context"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// observed is a hook that allocates nothing itself.
type observed struct{ end func(conn.CallResult) }

func (o *observed) OnCall(parent context.Context, _ conn.CallInfo) (context.Context, func(conn.CallResult)) {
	return parent, o.end
}

const mostObjectsOfAHook = 2

func TestHookCostsAtMostTwoObjectsForACall(t *testing.T) {
	endpoints := etcdtest.Start(t).Endpoints()
	calls := 0
	var all []clients.Client
	for name, opts := range map[string][]conn.Option{
		"without": nil,
		"with":    {conn.WithHooks(&observed{func(conn.CallResult) { calls++ }})},
	} {
		c, err := conn.Open(t.Context(), "", endpoints, opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, clients.Client{Name: name, Get: func(parent context.Context, key string) error {
			_, err := kv.Get(parent, kv.New(c.Name()).WithKey(key))
			return err
		}})
	}
	costs := measure(t, all, func(client clients.Client) error { return client.Get(t.Context(), "key") })
	without, with := costs["without"].objects, costs["with"].objects
	t.Logf("%.2f objects without a hook, %.2f with one", without, with)
	if with-without > mostObjectsOfAHook {
		t.Errorf("a hook costs %.2f objects, want at most %d", with-without, mostObjectsOfAHook)
	}
	if calls == 0 {
		t.Error("the hook was not called")
	}
}
