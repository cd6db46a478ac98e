// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// Column is a column of a table of samples.
type Column[Sample any] struct {
	Name   string
	Of     func(Sample) float64 // 0, unless Counts is set, and NaN: unknown
	Print  func(float64) string
	Row    bool // the table that `make bench` ends with has it
	Counts bool // 0 is a result
}

// WriteTable prints the median of each column for each client, and the median of the rounds' ratios of the SDK to the
// others. results has the samples of each client by its name, in the order of the rounds. Clients without samples are left out.
// Columns with Row are kept for the table that `make bench` ends with.
func WriteTable[Sample any](
	out io.Writer, title string, width int, columns []Column[Sample], results map[string][]Sample,
) error {
	var b strings.Builder
	line := func(first string, cell func(c Column[Sample]) string) {
		fmt.Fprintf(&b, "  %-17s", first)
		for _, c := range columns {
			fmt.Fprintf(&b, "%*s", width, cell(c))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%s\n", title)
	line("", func(c Column[Sample]) string { return c.Name })
	for _, client := range []string{clients.Raw, clients.ClientV3, clients.Eetcd} {
		if len(results[client]) == 0 {
			continue
		}
		line(client, func(c Column[Sample]) string { return c.known(Median(values(results[client], c.Of))) })
	}
	for _, other := range []string{clients.Raw, clients.ClientV3} {
		if len(results[other]) == 0 || len(results[clients.Eetcd]) == 0 {
			continue
		}
		line(clients.Eetcd+" / "+other, func(c Column[Sample]) string { return known(ratio(results, c, other), Fixed(2)) })
	}
	fmt.Fprint(out, b.String())
	for _, c := range columns {
		if !c.Row {
			continue
		}
		median := func(client string) string {
			if len(results[client]) == 0 {
				return ""
			}
			return c.known(Median(values(results[client], c.Of)))
		}
		if err := Keep(Row{
			What:  title + ": " + c.Name,
			Eetcd: median(clients.Eetcd), ClientV3: median(clients.ClientV3), Raw: median(clients.Raw),
			ToClientV3: ratio(results, c, clients.ClientV3), ToRaw: ratio(results, c, clients.Raw),
		}); err != nil {
			return err
		}
	}
	return nil
}

// ratio returns the median of the rounds' ratios of the SDK to another client, or 0 if that is unknown.
func ratio[Sample any](results map[string][]Sample, c Column[Sample], other string) float64 {
	ours, theirs := results[clients.Eetcd], values(results[other], c.Of)
	if len(ours) == 0 || len(theirs) != len(ours) {
		return 0
	}
	ratios := values(ours, c.Of)
	for round, v := range theirs {
		if v == 0 || math.IsNaN(v) || math.IsNaN(ratios[round]) {
			return 0
		}
		ratios[round] /= v
	}
	return Median(ratios)
}

// Fixed returns a function that prints a value with that many decimals.
func Fixed(decimals int) func(float64) string {
	return func(v float64) string { return fmt.Sprintf("%.*f", decimals, v) }
}

// known prints a value of the column, and a dash for one that is unknown.
func (c Column[Sample]) known(v float64) string {
	if v == 0 && c.Counts {
		return c.Print(0)
	}
	return known(v, c.Print)
}

// known prints a value, and a dash for 0 and for NaN, which stand for unknown.
func known(v float64, print func(float64) string) string {
	if v == 0 || math.IsNaN(v) {
		return "-"
	}
	return print(v)
}

func values[Sample any](samples []Sample, of func(Sample) float64) []float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = of(s)
	}
	return all
}

// Median returns the median of at least one value.
func Median[V ~int64 | ~float64](all []V) V {
	sorted := slices.Sorted(slices.Values(all))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
