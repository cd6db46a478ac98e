// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"context"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
)

// TestStatusTellsHowOldTheCopyIs has a table that reaches one member only, which has each fault while the others go on. So the test
// knows what the table misses.
func TestStatusTellsHowOldTheCopyIs(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	victim := cluster.Member(0)
	c := open(t, cluster.Endpoints()[1:])
	f := follow(t, open(t, []string{victim.Endpoint()}))
	put := func(value string) (rev int64) {
		t.Helper()
		if err := again(t, func(within context.Context) error {
			done, err := kv.Put(within, kv.New(c).WithKey("t/k").WithValue(value))
			rev = done.GetHeader().GetRevision()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return rev
	}
	if s := f.Status(); !s.InStep || s.Err != nil {
		t.Errorf("before any fault: %+v", s)
	}
	for _, fault := range faults {
		if fault.name == "blackhole" {
			continue // as a pause
		}
		before := put("before the " + fault.name)
		if err := f.WaitRev(bounded(t), before); err != nil {
			t.Fatal(err)
		}
		struck := time.Now()
		fault.strike(cluster, victim)
		behind := until(t, f, func(s table.Status) bool { return !s.InStep && s.Err != nil })
		put("missed")
		missed := put("during the " + fault.name)
		if behind.Since.Before(struck) || behind.Since.After(time.Now()) {
			t.Errorf("%s at %v: behind since %v", fault.name, struck, behind.Since)
		}
		if fault.name == "kill" { // so what the table misses cannot be told one by one
			if _, err := kv.Compact(bounded(t), kv.New(c).WithRev(missed)); err != nil {
				t.Fatal(err)
			}
		}
		// Attempts to get back make the copy no newer.
		for over := time.Now().Add(500 * time.Millisecond); time.Now().Before(over); time.Sleep(10 * time.Millisecond) {
			s := f.Status()
			if s.InStep || s.Err == nil || !s.Since.Equal(behind.Since) || s.Rev != before {
				t.Fatalf("%s: the copy is that of revision %d, and behind since %v: %+v", fault.name, before, behind.Since, s)
			}
		}
		healed := time.Now()
		fault.heal(cluster, victim)
		if err := f.WaitRev(bounded(t), missed); err != nil {
			t.Fatal(err)
		}
		s := until(t, f, func(s table.Status) bool { return s.InStep })
		if s.Err != nil || s.Since.Before(healed) || s.Rev < missed {
			t.Errorf("%s, healed at %v: %+v", fault.name, healed, s)
		}
		if want := "during the " + fault.name; valueOf(f) != want {
			t.Errorf("the table has %q, want %q", valueOf(f), want)
		}
		t.Logf("%s: behind %v after it, and in step %v after its end", fault.name, ms(behind.Since.Sub(struck)), ms(s.Since.Sub(healed)))
	}
	if s := f.Status(); s.Resyncs == 0 {
		t.Errorf("after a compaction: %+v", s)
	}

	saved := cluster.SaveData()
	for _, back := range []struct {
		name string
		by   func()
	}{{"restore", func() { cluster.RestoreData(saved) }}, {"wipe", cluster.Wipe}} {
		for range 3 {
			if err := f.WaitRev(bounded(t), put("before the "+back.name)); err != nil {
				t.Fatal(err)
			}
		}
		was, struck := f.Status(), time.Now()
		back.by()
		put("after the " + back.name)
		s := until(t, f, func(s table.Status) bool { return s.InStep && valueOf(f) == "after the "+back.name })
		if s.Err != nil || s.Since.Before(struck) || s.Rev >= was.Rev || s.Resyncs == was.Resyncs {
			t.Errorf("%s at %v: %+v, and before that %+v", back.name, struck, s, was)
		}
	}
}

func valueOf(f *table.Table[string]) string {
	e, _ := f.Get("t/k")
	return e.Value
}

// until waits until the status of a table is as it should be.
func until(t *testing.T, f *table.Table[string], ok func(table.Status) bool) table.Status {
	t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		s := f.Status()
		if ok(s) {
			return s
		}
		if time.Since(began) > patience {
			t.Fatalf("the status stays %+v", s)
		}
	}
}
