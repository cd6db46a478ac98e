// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/watch"
)

func TestNamespaceCloseEndsWhatRunsInItAndLeavesNothing(t *testing.T) {
	c, _ := both(t)
	outside, err := watch.Watch(t.Context(), watch.New(c.Name()).WithKey("life").WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	prefix := fmt.Sprintf("life/%d/", time.Now().UnixNano()) // the presence of another run may still be there
	n := namespaceOf(t, c, "life", prefix)
	w, err := watch.Watch(t.Context(), watch.New("life").WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	granted, err := lease.Grant(t.Context(), lease.New("life"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := lease.KeepAlive(t.Context(), lease.New("life"), granted.GetID())
	if err != nil {
		t.Fatal(err)
	}
	p, err := presence.Keep(t.Context(), presence.New("life").WithKey("here").WithValue("1"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	holding, held := make(chan struct{}), make(chan error, 1)
	go func() {
		held <- lock.Do(t.Context(), lock.New("life").WithName("jobs"), time.Minute, func(parent context.Context, _ lock.Held) error {
			close(holding)
			<-parent.Done()
			return context.Cause(parent)
		})
	}()
	<-holding
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	<-w.Done()
	<-keeper.Done()
	<-p.Done()
	for what, err := range map[string]error{"watch": w.Err(), "keeper": keeper.Err(), "presence": p.Err(), "lock": <-held} {
		if !errors.Is(err, conn.ErrClosed) {
			t.Errorf("the %s ended with %v", what, err)
		}
	}
	goleak.VerifyNone(t, before)
	if _, err := kv.Put(t.Context(), kv.New("life").WithKey("k")); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("a put by the name of a closed namespace: %v", err)
	}
	if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey(prefix+"end")); err != nil {
		t.Error(err)
	}
	for e, err := range outside.Events() {
		if err != nil {
			t.Fatalf("the watch outside ended with %v", err)
		}
		if string(e.GetKv().GetKey()) == prefix+"end" {
			break
		}
	}
}

// TestNamespaceOutlivesTheLossOfAMember has a watch and a presence in a namespace go on while the members are killed in turn.
func TestNamespaceOutlivesTheLossOfAMember(t *testing.T) {
	t.Parallel()
	members := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "", members.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	namespaceOf(t, c, "rough", "rough/")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	w, err := watch.Watch(ctx, watch.New("rough").WithKey("n/").WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	p, err := presence.Keep(ctx, presence.New("rough").WithKey("here").WithValue("1"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var revs []int64
	for _, m := range members.Members() {
		m.Kill()
		for range 20 {
			put, err := kv.Put(ctx, kv.New("rough").WithKey("n/k").WithTimeout(3*time.Second)) // a server takes twice as long to give up a write for a dead leader
			if err == nil {
				revs = append(revs, put.GetHeader().GetRevision())
			}
		}
		m.Restart()
	}
	if len(revs) < 40 {
		t.Fatalf("only %d puts of 60 have succeeded", len(revs))
	}
	next := 0
	for e, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if string(e.GetKv().GetKey()) != "n/k" || e.GetType() != mvccpb.Event_PUT {
			t.Fatalf("the watch gets %v", e)
		}
		if e.GetKv().GetModRevision() == revs[next] {
			if next++; next == len(revs) {
				break
			}
		}
	}
	if err := p.Leave(ctx); err != nil {
		t.Error(err)
	}
}
