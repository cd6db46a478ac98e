// SPDX-License-Identifier: Apache-2.0

// Tablebench compares a table of the SDK with what programs write by hand around etcd's clientv3: a list and a watch that fill a
// map behind a lock. Each copy lives in its own process, so that its memory and CPU time are the client's alone. They take turns
// on one etcd member. It prints figures and judges nothing.
//
//	go run ./tablebench -rounds 5 -large 1000000
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
	flag.IntVar(&o.rounds, "rounds", 3, "how often each client has its turn; the tables hold medians")
	flag.IntVar(&o.keys, "keys", 100_000, "how many keys are copied")
	flag.IntVar(&o.changes, "changes", 10_000, "how many changes each copy follows")
	flag.IntVar(&o.large, "large", 0, "how many keys are listed to measure the peak of the memory; 0 leaves that out")
	turn := flag.String("turn", "", "for the processes that this one starts: what to measure")
	client := flag.String("client", "", "for them: the client whose turn it is")
	endpoint := flag.String("endpoint", "", "for them: where the server is")
	mark := flag.String("mark", "", "for them: the value of the last change")
	flag.Parse()
	valid := o.rounds >= 1 && o.keys >= 1 && o.changes >= 1 && o.large >= 0
	bench.Main(valid, func(parent context.Context, out io.Writer) error {
		switch *turn {
		case "":
			return run(parent, out, o)
		case "copy":
			return copies(parent, out, *client, *endpoint, *mark, o)
		default:
			return lists(parent, out, *client, *endpoint)
		}
	})
}

type options struct{ rounds, keys, changes, large int }

func run(parent context.Context, out io.Writer, o options) (err error) {
	// The clients' figures must not depend on the disk.
	cluster, err := bench.Cluster(parent, out, etcdtest.WithFlags("--unsafe-no-fsync"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	s, err := newStore(cluster.Endpoints()[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	fmt.Fprintf(out, "%d rounds.\n", o.rounds)
	if err := s.fill(parent, copyPrefix, o.keys); err != nil {
		return err
	}
	copied, err := rounds(o, []string{byHand.name, ours.name}, func(name string) (copySample, error) {
		return measureCopy(parent, s, name, o)
	})
	if err != nil {
		return err
	}
	title := fmt.Sprintf("A copy of %d keys, and %d changes of them", o.keys, o.changes)
	if err := bench.WriteTable(out, title, 17, copyColumns, copied); err != nil {
		return err
	}
	for _, name := range []string{byHand.name, ours.name} {
		fmt.Fprintf(out, "  %s: a Get allocates %.3f objects\n", name, bench.Median(objectsOf(copied[name])))
	}
	fmt.Fprint(out, copyNote)
	if o.large == 0 {
		return nil
	}
	if err := s.fill(parent, listPrefix, o.large); err != nil {
		return err
	}
	listed, err := rounds(o, []string{byHand.name, ours.name, readAll}, func(name string) (listSample, error) {
		return measureList(parent, s, name)
	})
	if err != nil {
		return err
	}
	title = fmt.Sprintf("The memory of a list of %d keys", o.large)
	if err := bench.WriteTable(out, title, 15, listColumns, listed); err != nil {
		return err
	}
	fmt.Fprintf(out, "  kv.All alone: the heap has at most %.1f MiB, garbage included\n", bench.Median(peaksOf(listed[readAll])))
	fmt.Fprint(out, listNote)
	return nil
}

// rounds gives each client its turns, in an order that changes from round to round.
func rounds[S any](o options, names []string, measure func(name string) (S, error)) (map[string][]S, error) {
	all := map[string][]S{}
	for round := range o.rounds {
		for i := range names {
			name := names[(round+i)%len(names)]
			s, err := measure(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all[name] = append(all[name], s)
		}
	}
	return all, nil
}
