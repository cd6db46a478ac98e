// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

func TestRequestsBranchedFromOneBaseDoNotAffectEachOther(t *testing.T) {
	h := newHistory(t)
	base := h.all()
	newest := base.WithSort(kv.ByMod, kv.Descend).WithLimit(1)
	past := base.WithRev(h.first).WithKeysOnly()

	check := func(t *testing.T) {
		if got := h.get(newest); !slices.Equal(got, []pair{{"a", "1"}}) {
			t.Errorf("newest: %q", got)
		}
		if got := h.get(past); !slices.Equal(got, []pair{{"a", ""}, {"b", ""}, {"c", ""}}) {
			t.Errorf("past: %q", got)
		}
		if got := h.get(base); !slices.Equal(got, []pair{{"a", "1"}, {"b", "3"}, {"c", "2"}}) {
			t.Errorf("base: %q", got)
		}
	}
	check(t)
	// The same in the other order, and after a write from the same base.
	if _, err := kv.Put(t.Context(), h.key("z").WithValue("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Delete(t.Context(), base.WithKey(h.name("z"))); err != nil {
		t.Fatal(err)
	}
	if got := h.get(base.WithRangeEnd(h.name("c")).WithKey(h.name("b"))); keysOf(got) != "b" {
		t.Errorf("another extent: %q", got)
	}
	check(t)
}

func TestOneBaseServesManyGoroutines(t *testing.T) {
	s := newSpace(t)
	base := s.key("")
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		wg.Go(func() {
			own := base.WithKey(s.name(name))
			for range 20 {
				if _, err := kv.Put(t.Context(), own.WithValue(name)); err != nil {
					t.Error(err)
					return
				}
				resp, err := kv.Get(t.Context(), own)
				if err != nil {
					t.Error(err)
					return
				}
				if got := s.pairs(resp.GetKvs()); !slices.Equal(got, []pair{{name, name}}) {
					t.Errorf("got %q, want %q", got, name)
				}
			}
		})
	}
	wg.Wait()
	if got := keysOf(s.get(base.WithPrefix())); got != "abcdefgh" {
		t.Errorf("got %q", got)
	}
}

func TestTransactionsBranchedFromOneBaseDoNotAffectEachOther(t *testing.T) {
	s := newSpace(t)
	base := op.If(compare.Missing(s.name("x"))).Then(op.Put(s.local("a").WithValue("base")))
	other := base.Then(op.Put(s.local("a").WithValue("other")))
	for _, step := range []struct {
		txn  op.Transaction
		want string
	}{{base, "base"}, {other, "other"}, {base, "base"}} {
		s.commit(step.txn)
		if got := s.get(s.key("a")); !slices.Equal(got, []pair{{"a", step.want}}) {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}
