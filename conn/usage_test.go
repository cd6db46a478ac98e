// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/watch"
)

func TestUsageTellsOfWatchesAndLeasesWithThoseOfNamespaces(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, "", cluster.Endpoints())
	if got := c.Usage(); got != (conn.Usage{}) {
		t.Errorf("a connection without any has %+v", got)
	}
	inside, err := c.Namespace(c.Name()+"-inside", "x/")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	slow, err := watch.Watch(ctx, watch.New(inside.Name()).WithKey("k"), watch.WithBuffer(1))
	if err != nil {
		t.Fatal(err)
	}
	quick, err := watch.Watch(ctx, watch.New(c.Name()).WithKey("other"))
	if err != nil {
		t.Fatal(err)
	}
	var keepers []*lease.Keeper
	for name, ttl := range map[string]time.Duration{c.Name(): time.Hour, inside.Name(): time.Minute} {
		granted, err := lease.Grant(ctx, lease.New(name), ttl)
		if err != nil {
			t.Fatal(err)
		}
		keeper, err := lease.KeepAlive(ctx, lease.New(name), granted.GetID())
		if err != nil {
			t.Fatal(err)
		}
		keepers = append(keepers, keeper)
	}
	put := func() {
		t.Helper()
		if _, err := kv.Put(ctx, kv.New(inside.Name()).WithKey("k").WithValue(strings.Repeat("v", 1000))); err != nil {
			t.Fatal(err)
		}
	}
	for !slow.Status().Parked {
		put()
	}
	u := c.Usage()
	if u.Watches != 2 || u.Parked != 1 || u.OutOfStep != 0 || u.Waiting < 1000 || u.Lag < 1 || u.Lag > 1000 {
		t.Errorf("the watches are %+v", u)
	}
	if u.Leases != 2 || u.Margin <= 0 || u.Margin > time.Minute || u.Left <= 0 || u.Left > 1 {
		t.Errorf("the leases are %+v", u)
	}
	if u := inside.Usage(); u.Watches != 1 || u.Leases != 1 {
		t.Errorf("the namespace has %+v", u)
	}

	cluster.Member(0).Kill()
	waitFor(t, func() bool { return !quick.Status().InStep })
	if u := c.Usage(); u.OutOfStep != 1 || u.Parked != 1 {
		t.Errorf("without a server: %+v", u)
	}
	cluster.Member(0).Restart()
	for _, k := range keepers {
		_ = k.Close()
	}
	_, _ = slow.Close(), quick.Close()
	waitFor(t, func() bool { return fmt.Sprint(c.Usage()) == fmt.Sprint(conn.Usage{}) })
}
