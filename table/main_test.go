// SPDX-License-Identifier: Apache-2.0

package table_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
)

// registry is the connection to the cluster that the tests share.
const registry = "registry"

func TestMain(m *testing.M) { onecluster.Main(m, registry, nil) }

// patience bounds what has to come about sooner or later. It is generous, because a machine may be busy.
const patience = 60 * time.Second

func bounded(t *testing.T) context.Context {
	t.Helper()
	within, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return within
}

// open opens a connection of the test's own.
func open(t *testing.T, endpoints []string, opts ...conn.Option) string {
	t.Helper()
	return onecluster.Open(t, "", endpoints, opts...).Name()
}

// under is the keys of a test.
func under(t *testing.T, c string) table.Request {
	return table.New(c).WithKey(t.Name() + "/").WithPrefix()
}

func put(t *testing.T, c, key, value string) int64 {
	t.Helper()
	done, err := kv.Put(bounded(t), kv.New(c).WithKey(t.Name()+"/"+key).WithValue(value))
	if err != nil {
		t.Fatal(err)
	}
	return done.GetHeader().GetRevision()
}

func remove(t *testing.T, c, key string) int64 {
	t.Helper()
	done, err := kv.Delete(bounded(t), kv.New(c).WithKey(t.Name()+"/"+key))
	if err != nil {
		t.Fatal(err)
	}
	return done.GetHeader().GetRevision()
}

func follow[V any](t *testing.T, c table.Request, decode func(*mvccpb.KeyValue) (V, error), opts ...table.Option[V]) *table.Table[V] {
	t.Helper()
	f, err := table.Follow(context.Background(), c.WithTimeout(patience), decode, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// reaches waits until a table shows a revision.
func reaches[V any](t *testing.T, f *table.Table[V], rev int64) {
	t.Helper()
	if err := f.WaitRev(bounded(t), rev); err != nil {
		t.Fatal(err)
	}
}

// contents is what a snapshot has, by key.
func contents[V any](s table.Snapshot[V]) map[string]V {
	all := map[string]V{}
	for e := range s.All() {
		all[e.Key] = e.Value
	}
	return all
}

// equals checks that a table shows what the store has at its revision, by every way to read it.
func equals(t *testing.T, f *table.Table[string], c table.Request) {
	t.Helper()
	s := f.Snapshot()
	there, err := kv.Get(bounded(t), c.WithRev(s.Rev()))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, pair := range there.GetKvs() {
		key := string(pair.GetKey())
		want[key] = string(pair.GetValue())
		for _, get := range []func(string) (table.Entry[string], bool){s.Get, f.Get} {
			e, ok := get(key)
			if !ok || e.Key != key || e.Value != want[key] || e.ModRev != pair.GetModRevision() || e.CreateRev != pair.GetCreateRevision() ||
				e.Version != pair.GetVersion() || e.Lease != pair.GetLease() {
				t.Errorf("the table has %+v, %v, want %v", e, ok, pair)
			}
		}
	}
	if got := contents(s); !maps.Equal(got, want) || s.Len() != len(want) {
		t.Errorf("the table has %d entries, %v, want %v", s.Len(), got, want)
	}
}
