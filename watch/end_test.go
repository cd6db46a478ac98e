// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

func TestBadWatchesAreRefusedBeforeTheyAreSent(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	cases := []struct {
		name   string
		parent context.Context
		c      ctx.Ctx
		opts   []watch.Option
		is     error
		text   []string
	}{
		{"without key or prefix", t.Context(), c, nil, ctx.ErrInvalid, []string{"needs a key"}},
		{"a negative revision", t.Context(), c.WithKey("k").WithStartRevision(-1), nil, ctx.ErrInvalid, []string{"WithStartRevision(-1)"}},
		{"an empty range", t.Context(), c.WithKey("b").WithRangeEnd("a"), nil, ctx.ErrInvalid, []string{"WithRangeEnd"}},
		{"a range from its end on", t.Context(), c.WithKey("b").WithRangeEnd("b"), nil, ctx.ErrInvalid, []string{"WithRangeEnd"}},
		{"a value and a sort", t.Context(), c.WithKey("k").WithValue("hush").WithSort(kv.ByKey, kv.Ascend), nil, ctx.ErrInvalid, []string{"WithValue", "WithSort"}},
		{"a buffer of nothing", t.Context(), c.WithKey("k"), []watch.Option{watch.WithBuffer(0), nil}, ctx.ErrInvalid, []string{"WithBuffer(0)"}},
		{"no connection", t.Context(), watch.Key("k"), nil, conn.ErrNotOpen, nil},
		{"an unknown connection", t.Context(), watch.New("nowhere").WithKey("k"), nil, conn.ErrNotOpen, []string{`"nowhere"`}},
		{"an unknown endpoint", t.Context(), c.WithKey("k").WithEndpoint("127.0.0.1:1"), nil, conn.ErrEndpoint, nil},
		{"a timeout of 5 ns", t.Context(), c.WithKey("k").WithTimeout(5), nil, ctx.ErrInvalid, []string{"WithTimeout(5ns)"}},
		{"a cancelled parent", cancelled, c.WithKey("k"), nil, context.Canceled, nil},
		{"no parent", nil, c.WithKey("k"), nil, ctx.ErrInvalid, []string{"nil"}},
	}
	for _, tc := range cases {
		w, err := watch.Watch(tc.parent, tc.c, tc.opts...)
		if !errors.Is(err, tc.is) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s: %v, %v (%v)", tc.name, w, err, etcderr.OutcomeOf(err))
			continue
		}
		for _, part := range tc.text {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v lacks %q", tc.name, err, part)
			}
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v tells a value", tc.name, err)
		}
	}
}

func TestParentEndsTheWatch(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	parent, cancel := context.WithCancelCause(t.Context())
	w, err := watch.Watch(parent, c.WithKey("k"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, "k", "never read")
	reason := errors.New("going home")
	cancel(reason)
	<-w.Done()
	for e, err := range w.Events() {
		if err == nil || !errors.Is(err, context.Canceled) || !errors.Is(err, reason) {
			t.Errorf("got %v, %v", e, err)
		}
	}
}

func TestCloseOfTheConnectionEndsItsWatches(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	w, idle := start(t, c.WithKey("k")), start(t, c.WithKey("k"))
	channel := idle.Chan()
	put(t, c, "k", "unread")
	if err := conn.Close(sealed.Ctx(c).Conn()); err != nil {
		t.Fatal(err)
	}
	<-w.Done()
	for e, err := range w.Events() {
		if !errors.Is(err, conn.ErrClosed) {
			t.Errorf("got %v, %v", e, err)
		}
	}
	for range channel {
	}
	if !errors.Is(idle.Err(), conn.ErrClosed) {
		t.Errorf("Err is %v", idle.Err())
	}
}

func TestWatchFailsAtOnceWhileNoEndpointIsActive(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster, conn.WithPatience(0))
	old := start(t, c.WithKey("k"))
	m := cluster.Member(0)
	m.Kill()
	to, err := conn.Lookup(sealed.Ctx(c).Conn())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // from the moment of the loss on
		began := time.Now()
		w, err := watch.Watch(t.Context(), c.WithKey("k"))
		if !errors.Is(err, conn.ErrUnavailable) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Fatalf("got %v, %v", w, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(5 * time.Millisecond)
	}
	m.Restart()
	if err := to.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := start(t, c.WithKey("k"))
	put(t, c, "k", "v")
	for _, w := range []*watch.Watcher{old, fresh} {
		if got := brief(read(t, w, 1)); got != "PUT k=v" {
			t.Errorf("got %s", got)
		}
	}
}

func TestZeroWatcherCanBeClosed(t *testing.T) {
	var none context.Context
	if err := (&watch.Watcher{}).Progress(none); !errors.Is(err, ctx.ErrInvalid) {
		t.Errorf("Progress without a context: %v", err)
	}
	if err := (&watch.Watcher{}).Close(); err != nil {
		t.Error(err)
	}
}
