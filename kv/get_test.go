// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// history is a space with the keys a, b and c. Each sort target orders them differently: key abc, version bac, create
// cab, mod bca, value acb.
type history struct {
	space
	created, modified map[string]int64
	first             int64 // the revision before anything was overwritten
}

func newHistory(t *testing.T) history {
	h := history{space: newSpace(t), created: map[string]int64{}, modified: map[string]int64{}}
	for i, p := range []pair{{"c", "old"}, {"a", "old"}, {"b", "3"}, {"c", "older"}, {"c", "2"}, {"a", "1"}} {
		rev := h.put(p.key, p.value)
		if h.created[p.key] == 0 {
			h.created[p.key] = rev
		}
		h.modified[p.key] = rev
		if i == 2 {
			h.first = rev
		}
	}
	return h
}

func TestGetSortsByEachTargetInEachOrder(t *testing.T) {
	h := newHistory(t)
	tests := []struct {
		by     ctx.SortTarget
		ascend string
	}{
		{kv.ByKey, "abc"},
		{kv.ByVersion, "bac"},
		{kv.ByCreate, "cab"},
		{kv.ByMod, "bca"},
		{kv.ByValue, "acb"},
	}
	for _, tt := range tests {
		if got := keysOf(h.get(h.all().WithSort(tt.by, kv.Ascend))); got != tt.ascend {
			t.Errorf("ascending by %v: %s, want %s", tt.by, got, tt.ascend)
		}
		backwards := []byte(tt.ascend)
		slices.Reverse(backwards)
		if got := keysOf(h.get(h.all().WithSort(tt.by, kv.Descend))); got != string(backwards) {
			t.Errorf("descending by %v: %s, want %s", tt.by, got, backwards)
		}
		if got := keysOf(h.get(h.key("").WithTop(tt.by, kv.Descend))); got != string(backwards[:1]) {
			t.Errorf("top by %v: %s, want %c", tt.by, got, backwards[0])
		}
	}
}

func TestGetReturnsTheKeysThatItsOptionsSelect(t *testing.T) {
	h := newHistory(t)
	now := []pair{{"a", "1"}, {"b", "3"}, {"c", "2"}}
	tests := []struct {
		name string
		c    ctx.Ctx
		want []pair
	}{
		{"one key", h.key("b"), now[1:2]},
		{"a missing key", h.key("d"), nil},
		{"a prefix", h.all(), now},
		{"a prefix without any key", h.key("d").WithPrefix(), nil},
		{"from a key on, of everybody's", h.key("b").WithFromKey().WithLimit(2), now[1:]},
		{"up to an end that is not included", h.key("a").WithRangeEnd(h.prefix + "c"), now[:2]},
		{"an end before the start", h.key("c").WithRangeEnd(h.prefix + "a"), nil},
		{"the last extent given", h.key("a").WithPrefix().WithRangeEnd(h.prefix + "b"), now[:1]},
		{"a limit", h.all().WithLimit(2), now[:2]},
		{"a limit after the sort", h.all().WithSort(kv.ByMod, kv.Descend).WithLimit(1), now[:1]},
		{"the past", h.all().WithRev(h.first), []pair{{"a", "old"}, {"b", "3"}, {"c", "old"}}},
		{"before a key was there", h.all().WithRev(h.created["c"]), []pair{{"c", "old"}}},
		{"by one member's knowledge", h.all().WithSerializable().WithRev(h.first), []pair{{"a", "old"}, {"b", "3"}, {"c", "old"}}},
		{"keys without values", h.all().WithKeysOnly(), []pair{{"a", ""}, {"b", ""}, {"c", ""}}},
		{"last put since", h.all().WithMinModRev(h.modified["c"]), []pair{now[0], now[2]}},
		{"last put until", h.all().WithMaxModRev(h.modified["c"]), now[1:]},
		{"created since", h.all().WithMinCreateRev(h.created["a"]), now[:2]},
		{"created until", h.all().WithMaxCreateRev(h.created["a"]), []pair{now[0], now[2]}},
		{"created and put between", h.all().WithMinCreateRev(h.created["a"]).WithMaxModRev(h.modified["b"]), now[1:2]},
		{"the first key", h.key("").WithFirstKey(), now[:1]},
		{"the last key", h.key("").WithLastKey(), now[2:]},
		{"the oldest put", h.key("").WithFirstRev(), now[1:2]},
		{"the newest put", h.key("").WithLastRev(), now[:1]},
		{"the first created", h.key("").WithFirstCreate(), now[2:]},
		{"the last created", h.key("").WithLastCreate(), now[1:2]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := h.get(tt.c); !slices.Equal(got, tt.want) {
				t.Errorf("%v: got %q, want %q", tt.c, got, tt.want)
			}
		})
	}
}

func TestGetOfAllKeysNeedsNoKey(t *testing.T) {
	s := newSpace(t)
	s.put("a", "1")
	for _, c := range []ctx.Ctx{kv.New(registry).WithPrefix(), kv.New(registry).WithFromKey()} {
		if got := s.get(c); !slices.Contains(got, pair{"a", "1"}) {
			t.Errorf("%v: %q has no a", c, got)
		}
	}
}

func TestGetReportsWhetherThereAreMoreKeys(t *testing.T) {
	h := newHistory(t)
	var pages []string
	page := h.all().WithLimit(2)
	for {
		resp, err := kv.Get(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		found := resp.GetKvs()
		pages = append(pages, keysOf(h.pairs(found)))
		if len(pages) == 1 && resp.GetCount() != 3 {
			t.Errorf("the count of a limited get is %d, want that of the whole range, 3", resp.GetCount())
		}
		if !resp.GetMore() || len(pages) > 2 {
			break
		}
		next := string(found[len(found)-1].GetKey()) + "\x00"
		page = page.WithKey(next).WithRangeEnd(ctx.PrefixEnd(h.prefix)).WithRev(resp.GetHeader().GetRevision())
	}
	if !slices.Equal(pages, []string{"ab", "c"}) {
		t.Errorf("pages %q", pages)
	}
}

func TestGetCountsWithoutReadingKeys(t *testing.T) {
	h := newHistory(t)
	resp, err := kv.Get(t.Context(), h.all().WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	if resp.GetCount() != 3 || len(resp.GetKvs()) != 0 {
		t.Errorf("count %d with %d keys, want 3 with none", resp.GetCount(), len(resp.GetKvs()))
	}
}

func TestGetReturnsTheRevisionsAndVersionOfAKey(t *testing.T) {
	h := newHistory(t)
	resp, err := kv.Get(t.Context(), h.key("c"))
	if err != nil {
		t.Fatal(err)
	}
	c := resp.GetKvs()[0]
	if c.GetVersion() != 3 || c.GetCreateRevision() != h.created["c"] || c.GetModRevision() != h.modified["c"] || c.GetLease() != 0 {
		t.Errorf("got %v", c)
	}
	if resp.GetHeader().GetRevision() < h.modified["a"] {
		t.Errorf("read at revision %d, after %d was written", resp.GetHeader().GetRevision(), h.modified["a"])
	}
}

func TestOnlySerializableGetsWorkWithoutAMajority(t *testing.T) {
	own := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "", own.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	key, alone := kv.New(c.Name()).WithKey("a"), own.Member(0)
	if _, err := kv.Put(t.Context(), key.WithValue("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Get(t.Context(), key.WithEndpoint(alone.Endpoint())); err != nil { // from now on it has the key
		t.Fatal(err)
	}
	own.Member(1).Kill()
	own.Member(2).Kill()

	resp, err := kv.Get(t.Context(), key.WithSerializable())
	if err != nil || string(resp.GetKvs()[0].GetValue()) != "1" || resp.GetHeader().GetMemberId() != alone.ID() {
		t.Errorf("serializable: %v, %v", resp, err)
	}
	_, err = kv.Get(t.Context(), key.WithTimeout(300*time.Millisecond))
	wantFailure(t, err, etcderr.Unknown, context.DeadlineExceeded)
}

func TestRangeWithoutKeysIsEmptyForReadsAndDeletes(t *testing.T) {
	s := newSpace(t)
	s.put("a", "1")
	for _, end := range []string{"a", "A"} {
		none := s.key("a").WithRangeEnd(s.prefix + end)
		if got := s.get(none); len(got) != 0 {
			t.Errorf("up to %s: %q", end, got)
		}
		if answer, err := kv.Delete(t.Context(), none); err != nil || answer.GetDeleted() != 0 {
			t.Errorf("up to %s: deleted %d, %v", end, answer.GetDeleted(), err)
		}
	}
}
