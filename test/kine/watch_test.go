// SPDX-License-Identifier: Apache-2.0

package kine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// read reads events until there are n, and returns them as "key=value", or "key" of a deletion.
func read(w *watch.Watcher, n int) ([]string, error) {
	var got []string
	for e, err := range w.Events() {
		if err != nil {
			return got, err
		}
		text := string(e.GetKv().GetKey())
		if e.GetKv().GetCreateRevision() > 0 && e.GetType() == 0 {
			text += "=" + string(e.GetKv().GetValue())
		}
		if got = append(got, text); len(got) == n {
			return got, nil
		}
	}
	return got, fmt.Errorf("ended: %w", w.Err())
}

func TestConcurrentWatchesKeepTheirEventsAcrossARestart(t *testing.T) {
	const watches, writes = 24, 4
	server := etcdtest.StartKine(t)
	r := open(t, server)
	parent, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var created, reading sync.WaitGroup
	var all [watches]*watch.Watcher
	for i := range all {
		created.Go(func() {
			var err error
			if all[i], err = watch.Watch(parent, r.WithKey(fmt.Sprintf("/w/%d/", i)).WithPrefix()); err != nil {
				t.Error(err)
			}
		})
	}
	created.Wait()
	if t.Failed() {
		return
	}
	for i, w := range all {
		defer w.Close()
		reading.Go(func() {
			var want []string
			for n := range writes {
				want = append(want, fmt.Sprintf("/w/%d/k=%d", i, n))
			}
			want = append(want, fmt.Sprintf("/w/%d/k", i))
			got, err := read(w, len(want))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("watch %d: %q, %v; want %q", i, got, err, want)
			}
		})
	}
	revs := make([]int64, watches)
	for n := range writes {
		for i := range all {
			key, value := fmt.Sprintf("/w/%d/k", i), fmt.Sprint(n)
			if n == 0 {
				revs[i] = commit(t, r, create(key, value), true)
			} else {
				revs[i] = commit(t, r, update(key, value, revs[i]), true)
			}
		}
		if n == 1 {
			server.Kill()
			server.Restart()
			awaitRead(t, r)
		}
	}
	for i := range all {
		commit(t, r, remove(fmt.Sprintf("/w/%d/k", i), revs[i]), true)
	}
	reading.Wait()
}

// awaitRead waits until the server answers again.
func awaitRead(t *testing.T, r kv.Request) {
	t.Helper()
	onecluster.Eventually(t, 30*time.Second, "an answer", func() error { _, err := kv.Get(t.Context(), r.WithKey("/")); return err })
}
