// SPDX-License-Identifier: Apache-2.0

// Bench compares the SDK with a bare gRPC stub and with etcd's clientv3. One process and one cluster serve all
// three, which take turns in rounds. It prints figures and judges nothing. Package allocs has the bars that hold on any
// machine.
//
//	go run ./bench -rounds 20 -time 1s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

func main() {
	rounds := flag.Int("rounds", 16, "how often each client has its turn in each workload; the tables hold medians")
	turn := flag.Duration("time", 200*time.Millisecond, "how long a turn lasts")
	members := flag.Int("members", 1, "how many members the cluster has; all clients use all of them")
	flag.Parse()
	bench.Main(*rounds >= 1 && *turn >= time.Millisecond && *members >= 1, func(parent context.Context, out io.Writer) error {
		return run(parent, out, *rounds, *turn, *members)
	})
}

func title(w workload, members int) string {
	if members == 1 {
		return w.name
	}
	return fmt.Sprintf("%s, %d members", w.name, members)
}

func run(parent context.Context, out io.Writer, rounds int, turn time.Duration, members int) (err error) {
	cluster, err := bench.Cluster(parent, out, etcdtest.WithSize(members))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	all, err := clients.Open(parent, cluster.Endpoints()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clients.Close(all)) }()
	for _, key := range readKeys {
		if err := all[0].Put(parent, key, value); err != nil {
			return err
		}
	}

	total := time.Duration(rounds*len(workloads)*len(all)) * (turn + turn/warmUpShare)
	fmt.Fprintf(out, "%d rounds, about %v.\n", rounds, total.Round(time.Second))
	results := make([]map[string][]sample, len(workloads))
	for round := range rounds {
		for w := range workloads {
			if results[w] == nil {
				results[w] = map[string][]sample{}
			}
			for i := range all {
				if parent.Err() != nil {
					return parent.Err()
				}
				client := all[(round+w+i)%len(all)]
				s, err := measure(workloads[w], client, turn)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", workloads[w].name, client.Name, err)
				}
				results[w][client.Name] = append(results[w][client.Name], s)
			}
		}
	}
	for w, r := range results {
		if err := bench.WriteTable(out, title(workloads[w], members), 12, columns, r); err != nil {
			return err
		}
	}
	fmt.Fprint(out, footnote)
	return nil
}

const footnote = `
Medians over the rounds; a ratio is the median of the rounds' own ratios. Values have 100 bytes. time/op is how long a
caller waits for one call on average, and p99 is the most that 99 of 100 calls took. objects/op, bytes/op and cpu/op are
of the whole client process, so gRPC's own goroutines and the garbage collector are in them; the server is another process.

All calls are made with context.Background(), except where a deadline is named. The SDK then sets its default deadline
of 5 s; raw and clientv3 have none and would wait for a silent server forever. With "its own deadline" each call gets a
context.WithTimeout, whose cost is in the numbers of all three. A Put of the SDK asks for a leader in a header, which
lets a member without one turn it away at once.
`
