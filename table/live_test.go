// SPDX-License-Identifier: Apache-2.0

package table_test

import (
	"context"
	"testing"

	"github.com/eetcd-go/eetcd/table"
)

func TestLiveValueIsTheNewestGoodOneOrTheDefault(t *testing.T) {
	type limits struct{ Rate int }
	c := table.New(registry).WithKey(t.Name() + "/k").WithTimeout(patience)
	told := make(chan table.Change[limits], 10)
	v, err := table.Live(context.Background(), c, table.JSON[limits], table.WithDefault(limits{7}),
		table.WithOnChange(func(c table.Change[limits]) { told <- c }))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	plain, err := table.Live(context.Background(), c, table.JSON[limits])
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	check := func(rev int64, want int, there bool) {
		t.Helper()
		if err := v.WaitRev(bounded(t), rev); err != nil {
			t.Fatal(err)
		}
		if err := plain.WaitRev(bounded(t), rev); err != nil {
			t.Fatal(err)
		}
		if got, ok := v.Load(); !ok || got.Rate != want {
			t.Errorf("with a default: %v, %v, want %d", got, ok, want)
		}
		if got, ok := plain.Load(); ok != there || there && got.Rate != want {
			t.Errorf("without a default: %v, %v, want %d, %v", got, ok, want, there)
		}
		if _, ok := v.Entry(); ok != there {
			t.Errorf("the entry is there: %v, want %v", ok, there)
		}
	}
	check(1, 7, false)
	check(put(t, registry, "k", `{"Rate":1}`), 1, true)
	check(put(t, registry, "k", `{"Rate":"many"}`), 1, true)
	if s := v.Status(); len(s.Undecoded) != 1 {
		t.Errorf("the status is %+v", s)
	}
	check(put(t, registry, "k", `{"Rate":2}`), 2, true)
	check(remove(t, registry, "k"), 7, false)
	if c := <-told; c.Old != nil || c.New.Value.Rate != 1 {
		t.Errorf("told %+v first", c)
	}
	for c := range told {
		if c.New == nil {
			break
		}
	}
	if err := plain.Sync(bounded(t)); err != nil {
		t.Error(err)
	}
}
