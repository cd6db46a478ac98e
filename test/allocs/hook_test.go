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
	calls, over := 0, 0
	end := func(conn.CallResult) { calls++ }
	var all []clients.Client
	for name, opts := range map[string][]conn.Option{
		"without": nil,
		"calls":   {conn.WithHooks(&observed{end})},
		"both":    {conn.WithHooks(&attempts{observed{end}, nil, func(conn.AttemptResult) { over++ }})},
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
	without, with, both := costs["without"].objects, costs["calls"].objects, costs["both"].objects
	t.Logf("%.2f objects without a hook, %.2f with one of calls, %.2f with one of calls and attempts", without, with, both)
	for what, cost := range map[string]float64{"calls": with - without, "calls and attempts": both - without} {
		if cost > mostObjectsOfAHook {
			t.Errorf("a hook of %s costs %.2f objects, want at most %d", what, cost, mostObjectsOfAHook)
		}
	}
	if over == 0 || calls != 2*over {
		t.Errorf("the hooks were told of %d calls and %d attempts, want an attempt for half of the calls", calls, over)
	}
}
