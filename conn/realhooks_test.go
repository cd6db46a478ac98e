// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/watch"
)

func TestHooksSeeAHedgedReadAndAWatchThatResumesOnRealMembers(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	o := &observer{}
	c := open(t, "", cluster.Endpoints(), conn.WithHooks(o), conn.WithHedgeDelay(100*time.Millisecond))
	w, err := watch.Watch(t.Context(), watch.New(c.Name()).WithKey("k"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	on := w.Status().Endpoint
	var served *etcdtest.Member
	for i, address := range cluster.Endpoints() {
		if address == on {
			served = cluster.Member(i)
		}
	}
	o.take()
	served.Pause()
	var hedged *seenCall
	waitFor(t, func() bool {
		if _, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey("k").WithSerializable()); err != nil {
			t.Fatal(err)
		}
		for _, s := range o.take() {
			if s.result.Hedged {
				hedged = s
			}
		}
		return hedged != nil
	})
	if text := hedged.String(); !strings.Contains(text, "1 at "+on+" unknown lost, 2 at ") || hedged.result.Endpoint == on {
		t.Errorf("the hedged read was %s", text)
	}
	served.Kill()
	waitFor(t, func() bool { return w.Status().Endpoint != on && w.Status().InStep })
	streams := o.ended()
	if len(streams) == 0 || streams[0].info.Endpoint != on || streams[0].err == nil || streams[0].info.Method != pb.Watch_Watch_FullMethodName {
		t.Errorf("the streams that ended are %+v", streams)
	}
	frozen := func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, e := range o.endpoints {
			if e.Address == on && e.State == conn.Frozen && e.Name == c.Name() && e.Err != nil {
				return true
			}
		}
		return false
	}
	waitFor(t, frozen)
}

func TestHooksSeeEverythingBeginAndEndOnceUnderLoad(t *testing.T) {
	cluster := etcdtest.Start(t)
	o := &observer{}
	c, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithHooks(o))
	if err != nil {
		t.Fatal(err)
	}
	const workers, rounds = 16, 30
	n := mustNamespace(t, c, c.Name()+"-tenant", "p/")
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			for j := range rounds {
				name := []string{c.Name(), n.Name()}[j%2]
				if _, err := kv.Put(t.Context(), kv.New(name).WithKey(fmt.Sprint("k", i)).WithValue("v")); err != nil {
					t.Error(err)
				}
				if _, err := kv.Get(t.Context(), kv.New(name).WithKey(fmt.Sprint("k", i))); err != nil {
					t.Error(err)
				}
			}
			granted, err := lease.Grant(t.Context(), lease.New(c.Name()), time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := lease.KeepAlive(t.Context(), lease.New(c.Name()), granted.GetID()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	methods := map[string]int{}
	for _, s := range o.take() {
		methods[s.info.Method]++
		if len(s.attempts) != s.result.Attempts || s.result.Attempts < 1 || s.result.Err != nil {
			t.Errorf("a call was %s, and returned %v", s, s.result.Err)
		}
	}
	if methods[pb.KV_Put_FullMethodName] != workers*rounds || methods[pb.Lease_LeaseGrant_FullMethodName] != workers {
		t.Errorf("the calls are %v", methods)
	}
	if open, lost := o.left(); open != 0 || lost != 0 || len(o.ended()) == 0 {
		t.Errorf("%d have not ended, %d attempts have no call, %d streams ended", open, lost, len(o.ended()))
	}
}
