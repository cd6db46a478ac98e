// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// result holds the samples of each client in one workload, in the order of the rounds.
type result map[string][]sample

var columns = []struct {
	name  string
	of    func(sample) float64
	print func(float64) string
}{
	{"time/op", func(s sample) float64 { return s.wait }, seconds},
	{"op/s", func(s sample) float64 { return s.rate }, func(v float64) string { return fmt.Sprintf("%.0f", v) }},
	{"objects/op", func(s sample) float64 { return s.objects }, func(v float64) string { return fmt.Sprintf("%.1f", v) }},
	{"bytes/op", func(s sample) float64 { return s.bytes }, func(v float64) string { return fmt.Sprintf("%.0f", v) }},
	{"cpu/op", func(s sample) float64 { return s.cpu }, seconds},
}

func writeTable(out io.Writer, name string, r result) {
	var b strings.Builder
	line := func(first string, cell func(column int) string) {
		fmt.Fprintf(&b, "  %-17s", first)
		for i := range columns {
			fmt.Fprintf(&b, "%12s", cell(i))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%s\n", name)
	line("", func(i int) string { return columns[i].name })
	for _, client := range []string{clients.Raw, clients.ClientV3, clients.Eetcd} {
		line(client, func(i int) string {
			return known(median(values(r[client], columns[i].of)), columns[i].print)
		})
	}
	for _, other := range []string{clients.Raw, clients.ClientV3} {
		line(clients.Eetcd+" / "+other, func(i int) string {
			ratios := values(r[clients.Eetcd], columns[i].of)
			for round, v := range values(r[other], columns[i].of) {
				if v == 0 {
					return known(0, nil)
				}
				ratios[round] /= v
			}
			return known(median(ratios), func(v float64) string { return fmt.Sprintf("%.2f", v) })
		})
	}
	fmt.Fprint(out, b.String())
}

// known prints a value, and a dash for 0, which stands for unknown.
func known(v float64, print func(float64) string) string {
	if v == 0 {
		return "-"
	}
	return print(v)
}

func seconds(v float64) string {
	d := time.Duration(v * float64(time.Second))
	if d >= time.Millisecond {
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f us", d.Seconds()*1e6)
}

func values(samples []sample, of func(sample) float64) []float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = of(s)
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
