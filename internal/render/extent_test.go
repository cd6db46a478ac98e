// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/render"
)

func TestExtentDecidesTheRange(t *testing.T) {
	tests := []struct {
		name     string
		c        ctx.Ctx
		key, end string
	}{
		{"a key", ctx.Key("a"), "a", ""},
		{"nothing", ctx.Ctx{}, "", ""},
		{"prefix after key", ctx.Key("a").WithPrefix(), "a", "b"},
		{"prefix before key", ctx.Ctx{}.WithPrefix().WithKey("a"), "a", "b"},
		{"prefix of a replaced key", ctx.Key("x").WithPrefix().WithKey("ab"), "ab", "ac"},
		{"prefix ending in 0xff", ctx.Key("a\xff\xff").WithPrefix(), "a\xff\xff", "b"},
		{"prefix with 0xff inside", ctx.Key("\xffa").WithPrefix(), "\xffa", "\xffb"},
		{"prefix ending in 0xfe", ctx.Key("a\xfe").WithPrefix(), "a\xfe", "a\xff"},
		{"prefix of nothing but 0xff", ctx.Key("\xff\xff").WithPrefix(), "\xff\xff", "\x00"},
		{"prefix without key", ctx.Ctx{}.WithPrefix(), "\x00", "\x00"},
		{"prefix of an empty key", ctx.Key("").WithPrefix(), "\x00", "\x00"},
		{"prefix of the zero byte", ctx.Key("\x00").WithPrefix(), "\x00", "\x01"},
		{"from key", ctx.Key("a").WithFromKey(), "a", "\x00"},
		{"from key before key", ctx.Ctx{}.WithFromKey().WithKey("a"), "a", "\x00"},
		{"from no key", ctx.Ctx{}.WithFromKey(), "\x00", "\x00"},
		{"range end", ctx.Key("a").WithRangeEnd("c"), "a", "c"},
		{"range end before key", ctx.Ctx{}.WithRangeEnd("c").WithKey("a"), "a", "c"},
		{"range end without key is the server's to judge", ctx.Ctx{}.WithRangeEnd("c"), "", "c"},
		{"empty range end", ctx.Key("a").WithRangeEnd(""), "a", ""},
		{"top", ctx.Key("a").WithTop(ctx.ByMod, ctx.Descend), "a", "b"},
		{"top before key", ctx.Ctx{}.WithLastKey().WithKey("a"), "a", "b"},
		{"top without key", ctx.Ctx{}.WithFirstRev(), "\x00", "\x00"},

		{"prefix, then from key", ctx.Key("a").WithPrefix().WithFromKey(), "a", "\x00"},
		{"prefix, then range end", ctx.Key("a").WithPrefix().WithRangeEnd("c"), "a", "c"},
		{"prefix, then empty range end", ctx.Key("a").WithPrefix().WithRangeEnd(""), "a", ""},
		{"from key, then prefix", ctx.Key("a").WithFromKey().WithPrefix(), "a", "b"},
		{"from key, then range end", ctx.Key("a").WithFromKey().WithRangeEnd("c"), "a", "c"},
		{"range end, then prefix", ctx.Key("a").WithRangeEnd("c").WithPrefix(), "a", "b"},
		{"range end, then from key", ctx.Key("a").WithRangeEnd("c").WithFromKey(), "a", "\x00"},
		{"range end, then top", ctx.Key("a").WithRangeEnd("c").WithTop(ctx.ByMod, ctx.Ascend), "a", "b"},
		{"from key, then top", ctx.Key("a").WithFromKey().WithFirstKey(), "a", "b"},
		{"top, then range end", ctx.Key("a").WithTop(ctx.ByMod, ctx.Ascend).WithRangeEnd("c"), "a", "c"},
		{"top, then from key", ctx.Key("a").WithLastCreate().WithFromKey(), "a", "\x00"},
		{"top, then empty range end", ctx.Key("a").WithLastCreate().WithRangeEnd(""), "a", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := render.Range(tt.c)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Key) != tt.key || string(got.RangeEnd) != tt.end {
				t.Errorf("got [%q, %q), want [%q, %q)", got.Key, got.RangeEnd, tt.key, tt.end)
			}
		})
	}
}

func TestExtentIsTheSameInEveryRequestWithARange(t *testing.T) {
	for _, c := range []ctx.Ctx{
		ctx.Key("a"), ctx.Key("a\xff").WithPrefix(), ctx.Key("a").WithFromKey(), ctx.Key("a").WithRangeEnd("c"), ctx.Key("").WithPrefix(),
	} {
		get, _ := render.Range(c)
		del, _ := render.DeleteRange(c)
		watch, _ := render.WatchCreate(c)
		for _, got := range [][2]string{
			{string(del.GetKey()), string(del.GetRangeEnd())},
			{string(watch.GetKey()), string(watch.GetRangeEnd())},
		} {
			if want := [2]string{string(get.GetKey()), string(get.GetRangeEnd())}; got != want {
				t.Errorf("%v: got %q, want %q", c, got, want)
			}
		}
	}
}

func TestTopKeepsItsSortAndLimitUnderAnotherExtent(t *testing.T) {
	got := ctx.Key("a").WithTop(ctx.ByMod, ctx.Descend).WithFromKey().WithLimit(4)
	want := ctx.Key("a").WithFromKey().WithSort(ctx.ByMod, ctx.Descend).WithLimit(4)
	g, err := render.Range(got)
	w, err2 := render.Range(want)
	if err != nil || err2 != nil || g.String() != w.String() {
		t.Errorf("got %v (%v), want %v (%v)", g, err, w, err2)
	}
}

func TestAppendingToARenderedKeyLeavesTheRangeEndAlone(t *testing.T) {
	got, err := render.Range(ctx.Key("a").WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	got.Key = append(got.Key, 'z') // one byte, which would fit
	if string(got.RangeEnd) != "b" {
		t.Errorf("the range end became %q", got.RangeEnd)
	}
}

// inRange reports whether the server finds k in the range.
func inRange(k, key, end string) bool {
	switch end {
	case "":
		return k == key
	case "\x00":
		return k >= key
	default:
		return k >= key && k < end
	}
}

func FuzzPrefixCoversExactlyTheKeysThatStartWithIt(f *testing.F) {
	f.Add("a", "b")
	f.Add("a\xff", "b")
	f.Add("\xff\xff", "\xff")
	f.Add("", "\x00")
	f.Add("a\xff", "\xff\xff\xff")
	f.Fuzz(func(t *testing.T, prefix, other string) {
		end := ctx.PrefixEnd(prefix)
		request, err := render.Range(ctx.Key(prefix).WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		if string(request.RangeEnd) != end {
			t.Fatalf("WithPrefix of %q ends at %q, PrefixEnd at %q", prefix, request.RangeEnd, end)
		}
		for _, k := range []string{prefix, prefix + other, other, end, end + other, other + prefix} {
			if k == "" {
				continue // etcd has no empty key
			}
			covered := inRange(k, string(request.Key), string(request.RangeEnd))
			if covered != strings.HasPrefix(k, prefix) {
				t.Errorf("prefix %q, key %q: in the range [%q, %q): %v", prefix, k, request.Key, request.RangeEnd, covered)
			}
		}
	})
}
