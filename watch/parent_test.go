// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/watch"
)

// The member does not answer the creation. The caller can still give up.
func TestWatchReturnsWhenItsContextEndsDuringTheCreation(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	first := start(t, c.WithKey("k")) // so that there is a stream
	m := cluster.Member(0)
	reason := errors.New("going home")
	for _, tt := range []struct {
		name  string
		watch func() (*watch.Watcher, error)
		is    []error
	}{
		{"its parent is cancelled", func() (*watch.Watcher, error) {
			parent, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(100*time.Millisecond, func() { cancel(reason) })
			return watch.Watch(parent, c.WithKey("k"))
		}, []error{context.Canceled, reason}},
		{"its parent has a deadline", func() (*watch.Watcher, error) {
			parent, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			return watch.Watch(parent, c.WithKey("k"))
		}, []error{context.DeadlineExceeded}},
		{"the request has a timeout", func() (*watch.Watcher, error) {
			return watch.Watch(t.Context(), c.WithKey("k").WithTimeout(100*time.Millisecond))
		}, []error{context.DeadlineExceeded}},
	} {
		m.Pause()
		began := time.Now()
		w, err := tt.watch()
		took := time.Since(began)
		m.Resume()
		if w != nil || took < 90*time.Millisecond || took > time.Second {
			t.Errorf("%s: %v after %v", tt.name, w, took)
		}
		for _, is := range tt.is {
			if !errors.Is(err, is) {
				t.Errorf("%s: %v is no %v", tt.name, err, is)
			}
		}
		var e *etcderr.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %T", tt.name, err)
		}
		put(t, c, "k", tt.name)
		if got := brief(read(t, first, 1)); got != "PUT k="+tt.name {
			t.Errorf("%s: its neighbour got %s", tt.name, got)
		}
	}
}

func TestTimeoutBoundsOnlyTheCreationOfAWatch(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	w := start(t, c.WithKey("k").WithTimeout(500*time.Millisecond))
	time.Sleep(time.Second)
	put(t, c, "k", "v")
	if got := brief(read(t, w, 1)); got != "PUT k=v" {
		t.Errorf("got %s", got)
	}
}

// The end of the parent context ends a watch in each of its stages, and with it the loop over the watch.
func TestParentEndsAWatchInAnyState(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	for _, tt := range []struct {
		name  string
		start func(ctx.Ctx) (ctx.Ctx, []watch.Option)
		do    func()
	}{
		{"while it waits for events", func(c ctx.Ctx) (ctx.Ctx, []watch.Option) { return c, nil }, func() {}},
		{"with events to read", func(c ctx.Ctx) (ctx.Ctx, []watch.Option) { return c, nil }, func() { put(t, c, "k", "") }},
		{"with a full buffer", func(c ctx.Ctx) (ctx.Ctx, []watch.Option) {
			return c, []watch.Option{watch.WithBuffer(1)}
		}, func() {
			for range 5 {
				put(t, c, "k", "")
			}
		}},
		{"before its start revision", func(c ctx.Ctx) (ctx.Ctx, []watch.Option) {
			return c.WithStartRevision(1 << 40), nil
		}, func() {}},
		{"while its member is away", func(c ctx.Ctx) (ctx.Ctx, []watch.Option) { return c, nil }, cluster.Member(0).Kill},
	} {
		parent, cancel := context.WithCancel(t.Context())
		request, opts := tt.start(c.WithKey("k"))
		w, err := watch.Watch(parent, request, opts...)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		tt.do()
		time.Sleep(50 * time.Millisecond)
		cancel()
		select {
		case <-w.Done():
		case <-time.After(time.Second):
			t.Fatalf("%s: the watch has not ended", tt.name)
		}
		for r, err := range w.Responses() {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, %v", tt.name, r, err)
			}
		}
		if !errors.Is(w.Err(), context.Canceled) {
			t.Errorf("%s: Err is %v", tt.name, w.Err())
		}
	}
}
