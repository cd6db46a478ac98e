// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"slices"
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/kv"
)

func TestDeleteRemovesExactlyItsRange(t *testing.T) {
	tests := []struct {
		name string
		c    func(s space) ctx.Ctx
		left string
	}{
		{"one key", func(s space) ctx.Ctx { return s.key("b") }, "acd"},
		{"a missing key", func(s space) ctx.Ctx { return s.key("x") }, "abcd"},
		{"a key that begins others, alone", func(s space) ctx.Ctx { return s.key("") }, "abcd"},
		{"a prefix", func(s space) ctx.Ctx { return s.all() }, ""},
		{"up to an end that is not included", func(s space) ctx.Ctx { return s.key("b").WithRangeEnd(s.prefix + "d") }, "ad"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpace(t)
			for _, name := range []string{"a", "b", "c", "d"} {
				s.put(name, name)
			}
			resp, err := kv.Delete(t.Context(), tt.c(s))
			if err != nil {
				t.Fatal(err)
			}
			left := keysOf(s.get(s.all()))
			if left != tt.left || int(resp.GetDeleted()) != 4-len(tt.left) || len(resp.GetPrevKvs()) != 0 {
				t.Errorf("%d deleted, %q left, want %q; returned %v", resp.GetDeleted(), left, tt.left, resp.GetPrevKvs())
			}
		})
	}
}

func TestDeleteWithPrevKVReturnsWhatItDeleted(t *testing.T) {
	s := newSpace(t)
	s.put("a", "1")
	s.put("b", "2")
	resp, err := kv.Delete(t.Context(), s.all().WithPrevKV())
	if err != nil {
		t.Fatal(err)
	}
	if got := s.pairs(resp.GetPrevKvs()); !slices.Equal(got, []pair{{"a", "1"}, {"b", "2"}}) || resp.GetDeleted() != 2 {
		t.Errorf("%d deleted: %q", resp.GetDeleted(), got)
	}
}

func TestDeletedKeyIsReadAtAnEarlierRevision(t *testing.T) {
	s := newSpace(t)
	rev := s.put("a", "1")
	if _, err := kv.Delete(t.Context(), s.key("a")); err != nil {
		t.Fatal(err)
	}
	if got := s.get(s.key("a")); len(got) != 0 {
		t.Errorf("now: %q", got)
	}
	if got := s.get(s.key("a").WithRev(rev)); !slices.Equal(got, []pair{{"a", "1"}}) {
		t.Errorf("at revision %d: %q", rev, got)
	}
}
