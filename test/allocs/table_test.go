// SPDX-License-Identifier: Apache-2.0

//go:build !race

package allocs

import (
	"fmt"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
)

func TestReadOfATableAllocatesNothing(t *testing.T) {
	c, err := conn.Open(t.Context(), "", etcdtest.Start(t).Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 1000 {
		if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey(fmt.Sprintf("t/%d", i)).WithValue(`{"Rate":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	type limits struct{ Rate int }
	f, err := table.Follow(t.Context(), table.New(c.Name()).WithKey("t/").WithPrefix(), table.JSON[limits])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	there, err := table.Live(t.Context(), table.New(c.Name()).WithKey("t/7"), table.JSON[limits])
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	missing, err := table.Live(t.Context(), table.New(c.Name()).WithKey("none"), table.JSON[limits], table.WithDefault(limits{2}))
	if err != nil {
		t.Fatal(err)
	}
	defer missing.Close()
	s := f.Snapshot()
	for name, read := range map[string]func() (rate int){
		"Get of a key":                 func() int { e, _ := f.Get("t/7"); return e.Value.Rate },
		"Get of a key that is missing": func() int { e, there := f.Get("none"); return e.Value.Rate + one(!there) },
		"Snapshot.Get":                 func() int { e, _ := s.Get("t/7"); return e.Value.Rate },
		"Load":                         func() int { v, _ := there.Load(); return v.Rate },
		"Load of the default":          func() int { v, _ := missing.Load(); return v.Rate - 1 },
	} {
		if rate := read(); rate != 1 {
			t.Errorf("%s: the value is %d, want 1", name, rate)
		}
		if n := testing.AllocsPerRun(10_000, func() { read() }); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
