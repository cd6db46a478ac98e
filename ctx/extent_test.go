// SPDX-License-Identifier: Apache-2.0

package ctx_test

import (
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
)

func TestReplacedExtentLeavesNoTrace(t *testing.T) {
	if got, want := ctx.Key("a").WithRangeEnd("c").WithPrefix(), ctx.Key("a").WithPrefix(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := ctx.Key("a").WithFromKey().WithLastKey(), ctx.Key("a").WithLastKey(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := ctx.Key("a").WithFirstRev().WithLastKey(), ctx.Key("a").WithLastKey(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{
		"":            "\x00",
		"a":           "b",
		"a\xff":       "b",
		"a\xff\xff":   "b",
		"a\xffb":      "a\xffc",
		"\x00":        "\x01",
		"\xfe":        "\xff",
		"\xff":        "\x00",
		"\xff\xff":    "\x00",
		"heartbeat:":  "heartbeat;",
		"a\xfe\xff":   "a\xff",
		"\xff\x00":    "\xff\x01",
		"snow\u2603/": "snow\u26030",
	} {
		if got := ctx.PrefixEnd(prefix); got != want {
			t.Errorf("PrefixEnd(%q) = %q, want %q", prefix, got, want)
		}
	}
}
