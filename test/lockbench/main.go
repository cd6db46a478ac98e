// SPDX-License-Identifier: Apache-2.0

// Lockbench times a lock from its release by one holder to the next holder, for the SDK and for clientv3's Mutex, in
// turn on one cluster of three members. It prints figures and judges nothing.
//
//	go run ./lockbench -rounds 12
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

func main() {
	rounds := flag.Int("rounds", 12, "how often each client has its turn; the table holds medians of all handovers")
	flag.Parse()
	bench.Main(*rounds >= 1, func(parent context.Context, out io.Writer) error { return run(parent, out, *rounds) })
}

func run(parent context.Context, out io.Writer, rounds int) (err error) {
	cluster, err := bench.Cluster(parent, out, etcdtest.WithSize(3))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	both, err := clients.OpenBoth(parent, cluster.Endpoints())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, both.Close()) }()

	c := &contenders{both}
	all := c.ways()
	took := make([][]time.Duration, len(all))
	for round := range rounds {
		for i := range all {
			at := (round + i) % len(all)
			handovers, err := c.line(parent, all[at])
			if err != nil {
				return fmt.Errorf("%s: %w", all[at].name, err)
			}
			took[at] = append(took[at], handovers...)
		}
	}
	return writeTable(out, all, took)
}

func writeTable(out io.Writer, all []way, took [][]time.Duration) error {
	fmt.Fprintf(out, "\nFrom the release of a lock to its next holder, %d in line, %d times each:\n", inLine, len(took[0]))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmedian\t90 %\tmost\t")
	for i, way := range all {
		slices.Sort(took[i])
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\t\n", way.name, at(took[i], 50), at(took[i], 90), at(took[i], 100))
	}
	ours, theirs := at(took[0], 50), at(took[len(took)-1], 50)
	return errors.Join(w.Flush(), bench.Keep(bench.Row{
		What:  fmt.Sprintf("From the release of a lock to its next holder, %d in line (%s)", inLine, all[0].name),
		Eetcd: ours.String(), ClientV3: theirs.String(), ToClientV3: ours.Seconds() / theirs.Seconds(),
	}))
}

// at returns the time that this percentage of the sorted handovers took at most.
func at(took []time.Duration, percent int) time.Duration {
	return took[(len(took)-1)*percent/100].Round(time.Microsecond)
}
