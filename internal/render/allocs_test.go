// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/render"
)

// sink keeps the compiler from removing work whose result is unused.
var sink any

func TestRenderingAllocatesTheMessageAndItsBytes(t *testing.T) {
	get := ctx.New("registry").WithKey("heartbeat:").WithPrefix().WithSort(ctx.ByMod, ctx.Descend).WithLimit(10)
	put := ctx.New("registry").WithKey("a").WithValue("v").WithLease(7)
	tests := []struct {
		name   string
		want   float64
		render func()
	}{
		{"get of a prefix", 2, func() { sink, _ = render.Range(get) }},
		{"delete of a prefix", 2, func() { sink, _ = render.DeleteRange(ctx.Key("a").WithPrefix()) }},
		{"put", 3, func() { sink, _ = render.Put(put) }},
		{"check", 0, func() { sink = render.Check(ctx.New("registry"), "a test request", 0) }},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.render); n != tt.want {
			t.Errorf("%s allocates %v objects, want %v", tt.name, n, tt.want)
		}
	}
}

func BenchmarkRangeRequest(b *testing.B) {
	c := ctx.New("registry").WithKey("heartbeat:").WithPrefix().WithLimit(10)
	b.ReportAllocs()
	for b.Loop() {
		sink, _ = render.Range(c)
	}
}
