// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/report"
)

func TestRangeIsNamedByWhatItsEndSays(t *testing.T) {
	for _, c := range []struct {
		key, end string
		want     report.Range
	}{
		{"a", "", report.Range{Kind: report.One, Name: "a"}},
		{"a/", "a0", report.Range{Kind: report.Prefix, Name: "a/"}},
		{"a\xff", ctx.PrefixEnd("a\xff"), report.Range{Kind: report.Prefix, Name: "a\xff"}},
		{"a\xfe\xff\xff", ctx.PrefixEnd("a\xfe\xff\xff"), report.Range{Kind: report.Prefix, Name: "a\xfe\xff\xff"}},
		{"\xff\xff", ctx.PrefixEnd("\xff\xff"), report.Range{Kind: report.From}},
		{"", "\x00", report.Range{Kind: report.All}},
		{"\x00", "\x00", report.Range{Kind: report.All}},
		{"a", "\x00", report.Range{Kind: report.From}},
		{"a", "b", report.Range{Kind: report.Prefix, Name: "a"}},
		{"a", "c", report.Range{Kind: report.Other}},
		{"ab", "b", report.Range{Kind: report.Other}},
		{"a", "ab", report.Range{Kind: report.Other}},
		{"a", "a", report.Range{Kind: report.Other}},
		{"\xff", "\x00\x00", report.Range{Kind: report.Other}},
	} {
		if got := report.RangeOf([]byte(c.key), []byte(c.end)); got != c.want {
			t.Errorf("%q up to %q is %+v, want %+v", c.key, c.end, got, c.want)
		}
	}
}
