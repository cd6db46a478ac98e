// SPDX-License-Identifier: Apache-2.0

package table_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/watch"
)

// apply applies a change to what a reader has, and checks that it fits.
func apply(t *testing.T, have map[string]string, c table.Change[string]) {
	t.Helper()
	old, there := have[c.Key()]
	if there != (c.Old != nil) || there && c.Old.Value != old || c.Old == nil && c.New == nil {
		t.Errorf("the reader has %q, %v, and is told %+v", old, there, c)
	}
	if c.New == nil {
		delete(have, c.Key())
		return
	}
	have[c.Key()] = c.New.Value
}

func TestChangesAreTheStateAndThenEachChange(t *testing.T) {
	put(t, registry, "a", "1")
	put(t, registry, "b", "1")
	f := follow(t, under(t, registry), table.String)
	have, turn := map[string]string{}, 0
	var rev int64
	for c := range f.Changes(t.Context()) {
		if c.Rev < rev || c.Resync {
			t.Errorf("after revision %d the reader is told %+v", rev, c)
		}
		rev = c.Rev
		apply(t, have, c)
		if turn++; turn == 2 {
			if c.Old != nil {
				t.Errorf("the state is told as %+v", c)
			}
			put(t, registry, "a", "2")
			remove(t, registry, "b")
			put(t, registry, "brief", "1")
			reaches(t, f, remove(t, registry, "brief"))
			reaches(t, f, put(t, registry, "c", "1"))
		}
		if turn == 5 {
			break
		}
	}
	if want := contents(f.Snapshot()); !maps.Equal(have, want) || len(want) != 2 {
		t.Errorf("the reader has %v, want %v", have, want)
	}
}

func TestSlowReaderGetsTheNewestStateOfEachKey(t *testing.T) {
	f := follow(t, under(t, registry), table.String)
	put(t, registry, "k", "0")
	reaches(t, f, put(t, registry, "first", "0"))
	told := 0
	for c := range f.Changes(t.Context()) {
		if told++; told == 1 {
			for range 50 {
				put(t, registry, "k", "between")
			}
			reaches(t, f, put(t, registry, "k", "last"))
		}
		if strings.HasSuffix(c.Key(), "/k") && told > 2 {
			if c.New.Value != "last" || c.Old.Value != "0" {
				t.Errorf("told %+v", c)
			}
			break
		}
	}
}

func TestStoreThatHasGoneBackIsToldAsADifference(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster.Endpoints())
	put(t, c, "same", "1")
	put(t, c, "changed", "1")
	old := put(t, c, "gone", "1")
	saved := cluster.SaveData()

	changes := make(chan table.Change[string], 100)
	var restored atomic.Pointer[table.Table[string]] // nil before
	decode := func(pair *mvccpb.KeyValue) (string, error) {
		if f := restored.Load(); f != nil && f.Status().InStep {
			t.Errorf("before the table shows the new list, the status is %+v", f.Status())
		}
		return table.String(pair)
	}
	f := follow(t, under(t, c), decode, table.WithOnChange(func(c table.Change[string]) { changes <- c }))
	reaches(t, f, old)
	have := map[string]string{}
	for len(have) < 3 {
		apply(t, have, <-changes)
	}
	put(t, c, "changed", "2")
	remove(t, c, "gone")
	reaches(t, f, put(t, c, "new", "2"))
	for have[t.Name()+"/new"] != "2" {
		apply(t, have, <-changes)
	}
	beyond := make(chan error, 1)
	go func() { beyond <- f.WaitRev(bounded(t), 1<<40) }()
	restored.Store(f)
	cluster.RestoreData(saved)
	for {
		change := <-changes
		if !change.Resync {
			t.Errorf("after the restore: %+v", change)
		}
		apply(t, have, change)
		if want := map[string]string{t.Name() + "/same": "1", t.Name() + "/changed": "1", t.Name() + "/gone": "1"}; maps.Equal(have, want) {
			break
		}
	}
	var rewound *watch.RewoundError
	if err := <-beyond; !errors.As(err, &rewound) || rewound.Revision != old {
		t.Errorf("a wait for a revision of the history before: %v", err)
	}
	if err := f.Sync(bounded(t)); err != nil {
		t.Fatal(err)
	}
	equals(t, f, under(t, c))
	if s := f.Status(); s.Resyncs == 0 || !s.InStep {
		t.Errorf("the status is %+v", s)
	}
}

func TestLoopOverChangesEndsWithItsContext(t *testing.T) {
	put(t, registry, "k", "1")
	f := follow(t, under(t, registry), table.String)
	parent, cancel := context.WithCancel(bounded(t))
	defer cancel()
	told := 0
	for range f.Changes(parent) {
		told++
		time.AfterFunc(10*time.Millisecond, cancel) // while the loop waits for a change
	}
	for range f.Changes(parent) {
		told++
	}
	if told != 1 || f.Err() != nil {
		t.Errorf("told %d changes; the table has ended with %v", told, f.Err())
	}
}

func TestQuietTableShowsTheRevisionOfTheStoreNowAndThen(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithVersion(etcdtest.DefaultVersion), // older ones lack the flag
		etcdtest.WithFlags("--watch-progress-notify-interval=100ms"))
	c := open(t, cluster.Endpoints())
	f := follow(t, under(t, c), table.String)
	done, err := kv.Put(bounded(t), kv.New(c).WithKey("elsewhere").WithValue("1"))
	if err != nil {
		t.Fatal(err)
	}
	for within := bounded(t); f.Status().Rev < done.GetHeader().GetRevision(); time.Sleep(10 * time.Millisecond) {
		if within.Err() != nil {
			t.Fatalf("the table is at %d, the store at %d", f.Status().Rev, done.GetHeader().GetRevision())
		}
	}
}
