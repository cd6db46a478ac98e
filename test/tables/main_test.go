// SPDX-License-Identifier: Apache-2.0

// Package tables proves that a table is a true copy of its range, whatever happens to the servers.
package tables

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what has to come about sooner or later. It is generous, because a machine may be busy.
const patience = 2 * time.Minute

func bounded(t *testing.T) context.Context {
	t.Helper()
	within, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return within
}

func open(t *testing.T, endpoints []string) string {
	t.Helper()
	return onecluster.Open(t, "", endpoints).Name()
}

func follow(t *testing.T, c string) *table.Table[string] {
	t.Helper()
	f, err := table.Follow(context.Background(), keys(c).WithTimeout(patience), table.String)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// keys is the range of the tables.
func keys(c string) table.Request { return table.New(c).WithKey("t/").WithPrefix() }

// again repeats a call until it succeeds, or its revision has been compacted, or does not exist yet.
func again(t *testing.T, call func(context.Context) error) error {
	t.Helper()
	within := bounded(t)
	for {
		err := call(within)
		if err == nil || errors.Is(err, etcderr.ErrCompacted) || errors.Is(err, etcderr.ErrFutureRev) || within.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stored is what the store has at a revision.
func stored(t *testing.T, c string, rev int64) (map[string]string, error) {
	t.Helper()
	all := map[string]string{}
	err := again(t, func(within context.Context) error {
		r, err := kv.Get(within, keys(c).WithRev(rev))
		for _, pair := range r.GetKvs() {
			all[string(pair.GetKey())] = string(pair.GetValue())
		}
		return err
	})
	return all, err
}

func contents(s table.Snapshot[string]) map[string]string {
	all := map[string]string{}
	for e := range s.All() {
		all[e.Key] = e.Value
	}
	return all
}

// equals checks after a Sync that a table shows what the store has.
func equals(t *testing.T, f *table.Table[string], c string) {
	t.Helper()
	if err := again(t, f.Sync); err != nil {
		t.Fatal(err)
	}
	s := f.Snapshot()
	want, err := stored(t, c, s.Rev())
	if got := contents(s); err == nil && !maps.Equal(got, want) || err != nil && !errors.Is(err, etcderr.ErrCompacted) {
		t.Errorf("at revision %d the table has %d entries, the store %d, %v", s.Rev(), len(got), len(want), err)
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		status := f.Status()
		if status.InStep && status.Err == nil {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("the table is still behind: %+v", status)
		}
	}
}
