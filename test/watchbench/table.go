// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// result holds the samples of each client in one workload, in the order of the rounds.
type result map[string][]sample

var columns = []struct {
	name  string
	of    func(sample) float64
	print string
}{
	{"events/s", func(s sample) float64 { return 1 / s.Seconds }, "%.0f"},
	{"events/CPU s", func(s sample) float64 { return 1 / s.CPU }, "%.0f"},
	{"CPU us/event", func(s sample) float64 { return s.CPU * 1e6 }, "%.2f"},
	{"objects/event", func(s sample) float64 { return s.Objects }, "%.1f"},
	{"bytes/event", func(s sample) float64 { return s.Bytes }, "%.0f"},
}

func writeTable(out io.Writer, title string, r result) {
	var b strings.Builder
	line := func(first string, cell func(column int) string) {
		fmt.Fprintf(&b, "  %-17s", first)
		for i := range columns {
			fmt.Fprintf(&b, "%15s", cell(i))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%s\n", title)
	line("", func(i int) string { return columns[i].name })
	for _, c := range clients {
		line(c.name, func(i int) string { return fmt.Sprintf(columns[i].print, median(values(r[c.name], i))) })
	}
	for _, other := range []string{"raw", "clientv3"} {
		line("eetcd / "+other, func(i int) string {
			ratios := values(r["eetcd"], i)
			for round, v := range values(r[other], i) {
				ratios[round] /= v
			}
			return fmt.Sprintf("%.2f", median(ratios))
		})
	}
	fmt.Fprint(out, b.String())
}

func values(samples []sample, column int) []float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = columns[column].of(s)
	}
	return all
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
