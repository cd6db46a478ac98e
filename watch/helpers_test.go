// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// open opens a connection to a cluster, named after the test. It closes with the test.
func open(t *testing.T, cluster *etcdtest.Cluster, opts ...conn.Option) ctx.Ctx {
	t.Helper()
	return kv.New(onecluster.Open(t, t.Name(), cluster.Endpoints(), opts...).Name())
}

func put(t *testing.T, c ctx.Ctx, key, value string) int64 {
	t.Helper()
	r, err := kv.Put(t.Context(), c.WithKey(key).WithValue(value))
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return r.Header.Revision
}

// write writes at least once. It repeats a write whose outcome is unknown because its member died.
func write(t *testing.T, c ctx.Ctx, key, value string) {
	t.Helper()
	for {
		_, err := kv.Put(t.Context(), c.WithKey(key).WithValue(value).WithTimeout(time.Second))
		if err == nil {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

func start(t *testing.T, c ctx.Ctx, opts ...watch.Option) *watch.Watcher {
	t.Helper()
	w, err := watch.Watch(t.Context(), c, opts...)
	if err != nil {
		t.Fatalf("Watch: %v", err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// read reads n events, and fails the test if they do not come.
func read(t *testing.T, w *watch.Watcher, n int) []*mvccpb.Event {
	t.Helper()
	stuck := time.AfterFunc(30*time.Second, func() { _ = w.Close() })
	defer stuck.Stop()
	var events []*mvccpb.Event
	if n == 0 {
		return nil
	}
	for e, err := range w.Events() {
		if err != nil {
			t.Fatalf("after %d of %d events: %v", len(events), n, err)
		}
		if events = append(events, e); len(events) == n {
			return events
		}
	}
	t.Fatalf("%d of %d events came within 30 s", len(events), n)
	return nil
}

func brief(events []*mvccpb.Event) string {
	var parts []string
	for _, e := range events {
		part := fmt.Sprintf("%v %s", e.Type, e.Kv.Key)
		if e.Type == mvccpb.Event_PUT {
			part += "=" + string(e.Kv.Value)
		}
		if e.PrevKv != nil {
			part += " was " + string(e.PrevKv.Value)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
