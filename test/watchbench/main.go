// SPDX-License-Identifier: Apache-2.0

// Watchbench compares the cost of following a watch with the SDK, with etcd's clientv3, and with a bare gRPC stub,
// which is the least possible. Each measurement runs in its own process, so that its CPU time is the client's alone.
// They take turns on one etcd member. It prints figures and judges nothing.
//
//	go run ./watchbench -rounds 7 -events 200000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/bench"
)

func main() {
	o := options{}
	flag.IntVar(&o.rounds, "rounds", 5, "how often each client has its turn in each workload; the table holds medians")
	flag.IntVar(&o.events, "events", 200_000, "how many events are replayed; a tenth of them is followed as they happen")
	flag.StringVar(&o.profile, "profile", "", "folder to write the CPU profile of each process to")
	turn := flag.String("turn", "", "for the processes that this one starts: the client whose turn it is")
	endpoint := flag.String("endpoint", "", "for them: where the server is")
	load := flag.String("workload", "", "for them: the workload")
	flag.Parse()
	bench.Main(o.rounds >= 1 && o.events >= 1, func(parent context.Context, out io.Writer) error {
		if *turn != "" {
			return takeTurn(parent, out, *turn, *endpoint, *load, o)
		}
		return run(parent, out, o)
	})
}

type options struct {
	rounds, events int
	profile        string
}

func run(parent context.Context, out io.Writer, o options) (err error) {
	// The clients' figures must not depend on the disk.
	cluster, err := bench.Cluster(parent, out, etcdtest.WithFlags("--unsafe-no-fsync"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	endpoint := cluster.Endpoints()[0]
	w, err := newWriter(endpoint)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.write(parent, workloads[0], o.events); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d rounds.\n", o.rounds)
	for _, load := range workloads {
		r := map[string][]sample{}
		for round := range o.rounds {
			for i := range followers {
				name := followers[(round+i)%len(followers)].name
				s, err := measure(parent, w, endpoint, name, load, o)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", load.name, name, err)
				}
				r[name] = append(r[name], s)
			}
		}
		if err := bench.WriteTable(out, fmt.Sprintf(load.title, load.events(o)), 15, columns, r); err != nil {
			return err
		}
	}
	fmt.Fprint(out, footnote)
	return nil
}

const footnote = `
Medians over the rounds; a ratio is the median of the rounds' own ratios. Keys have 20 bytes, values 100. CPU time, objects and
bytes are those of the whole client process while it follows the watch: gRPC's goroutines and the garbage collector are in
them, the start of the process is not.
`
