// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/watch"
)

func TestPinnedWatchStaysOnItsEndpoint(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, cluster, conn.WithPatience(0))
	m := cluster.Member(1)
	w := start(t, c.WithKey("k").WithEndpoint(m.Endpoint()))
	put(t, c, "k", "1")
	for r, err := range w.Responses() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Header.MemberId != m.ID() {
			t.Errorf("answered by %x, want %x", r.Header.MemberId, m.ID())
		}
		break
	}
	m.Kill()
	write(t, c, "k", "2")
	if _, err := watch.Watch(t.Context(), c.WithKey("k").WithEndpoint(m.Endpoint())); !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("a watch pinned to a dead member: %v", err)
	}
	m.Restart()
	if got := brief(read(t, w, 1)); got != "PUT k=2" {
		t.Errorf("after its return: %s", got)
	}
}

func TestWatchResumesAfterTheDeathOfItsMember(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, cluster)
	from := put(t, c, "other", "") + 1
	w := start(t, c.WithKey("k").WithPrefix().WithPrevKV())
	for i, m := range cluster.Members() {
		for j := range 20 {
			write(t, c, "k", fmt.Sprintf("%d before %d", i, j))
		}
		m.Kill()
		for j := range 20 {
			write(t, c, "k", fmt.Sprintf("%d after %d", i, j))
		}
		m.Restart()
	}
	write(t, c, "k", "end")
	upToEnd := func(w *watch.Watcher) []string {
		var got []string
		for {
			e := read(t, w, 1)[0]
			got = append(got, fmt.Sprint(e.Kv.ModRevision, " ", brief([]*mvccpb.Event{e})))
			if string(e.Kv.Value) == "end" {
				return got
			}
		}
	}
	got, want := upToEnd(w), upToEnd(start(t, c.WithKey("k").WithPrefix().WithPrevKV().WithStartRevision(from)))
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(got) < 121 {
		t.Errorf("%d events of at least 121 writes", len(got))
	}
}
