// SPDX-License-Identifier: Apache-2.0

// Returnbench shows how soon calls of the SDK and of clientv3 succeed after an outage of the only member, and what
// happens to leases meanwhile. It prints figures and judges nothing.
//
//	go run ./returnbench -rounds 10 -outages 15s,60s
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/outage"
)

func main() {
	rounds := flag.Int("rounds", 3, "how often the member is away for each length; the table holds medians")
	outages := flag.String("outages", "15s", "for how long, separated by commas")
	flag.Parse()
	lengths, err := parse(*outages)
	bench.Main(err == nil && *rounds >= 1, func(parent context.Context, out io.Writer) error {
		return run(parent, out, *rounds, lengths)
	})
}

func parse(text string) ([]time.Duration, error) {
	var all []time.Duration
	for one := range strings.SplitSeq(text, ",") {
		d, err := time.ParseDuration(one)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func run(parent context.Context, out io.Writer, rounds int, lengths []time.Duration) error {
	cluster, err := bench.Cluster(parent, out)
	if err != nil {
		return err
	}
	defer cluster.Close()
	for _, length := range lengths {
		var ours, theirs, failures, told []time.Duration
		kept := 0
		for range rounds {
			r, err := outage.Measure(parent, cluster, length)
			if err != nil {
				return err
			}
			ours, theirs = append(ours, r.Eetcd), append(theirs, r.ClientV3)
			failures, told = append(failures, r.SlowestFailure), append(told, r.Told)
			if r.Kept == nil {
				kept++
			}
		}
		fmt.Fprintf(out, "\nThe only member is away for %v, %d times:\n", length, rounds)
		fmt.Fprintf(out, "  %-58s%10s%10s\n", "", "median", "slowest")
		for _, row := range []struct {
			what string
			all  []time.Duration
		}{
			{"first success of eetcd after the member's first answer", ours},
			{"first success of clientv3", theirs},
			{"slowest call that failed once the patience was over", failures},
			{"from the end of a lease without time to its keeper's report", told},
		} {
			fmt.Fprintf(out, "  %-58s%10v%10v\n", row.what, bench.Median(row.all).Round(time.Millisecond),
				slices.Max(row.all).Round(time.Millisecond))
		}
		fmt.Fprintf(out, "  leases with time left that were kept: %d of %d\n", kept, rounds)
		if err := keep(length, bench.Median(ours), bench.Median(theirs)); err != nil {
			return err
		}
	}
	return nil
}

func keep(length, ours, theirs time.Duration) error {
	return bench.Keep(bench.Row{
		What:  fmt.Sprintf("The only member is away for %v: first success after its return", length),
		Eetcd: ours.Round(time.Millisecond).String(), ClientV3: theirs.Round(time.Millisecond).String(),
		ToClientV3: ours.Seconds() / theirs.Seconds(),
	})
}
