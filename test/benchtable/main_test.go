// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

func TestKeptFiguresComeBackAsOneTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows")
	t.Setenv("EETCD_BENCH_ROWS", path)
	columns := []bench.Column[float64]{
		{Name: "op/s", Of: func(v float64) float64 { return v }, Print: bench.Fixed(0), Row: true},
		{Name: "printed only", Of: func(v float64) float64 { return v }, Print: bench.Fixed(0)},
	}
	results := map[string][]float64{clients.Eetcd: {30, 40, 50}, clients.ClientV3: {10, 10, 10}}
	if err := bench.WriteTable(t.Output(), "Get", 12, columns, results); err != nil {
		t.Fatal(err)
	}
	if err := bench.Keep(bench.Row{What: "a | b", Eetcd: "7 ms", ToRaw: 1.5}); err != nil {
		t.Fatal(err)
	}
	rows, err := bench.Rows(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := write(&out, rows); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| Get: op/s | 40 | 10 |  | 4.00 |  |\n", "| a / b | 7 ms |  |  |  | 1.50 |\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "printed only") {
		t.Errorf("a column that is only printed is in\n%s", &out)
	}
}
