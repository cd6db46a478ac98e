// SPDX-License-Identifier: Apache-2.0

// Connbench compares the cost of being connected with the SDK and with etcd's clientv3. First it measures what an idle connection to
// three members holds: memory and goroutines. Then it kills a member to which many connections lead, and restarts the whole cluster,
// and counts how often each connection dials, and how long it is not served. All connections of a measurement live in one process
// that has no others. It prints figures and judges nothing.
//
//	go run ./connbench -connections 1000 -herd 1000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

func main() {
	o := options{}
	flag.IntVar(&o.rounds, "rounds", 3, "how often each client has its turn while idle; the table holds medians")
	flag.IntVar(&o.idle, "connections", 100, "how many connections are idle")
	flag.IntVar(&o.herd, "herd", 300, "how many connections lose a member; 0 leaves that out")
	flag.StringVar(&o.profile, "profile", "", "folder to write the heap and the goroutines of each idle process to")
	turn := flag.String("turn", "", "for the processes that this one starts: what to measure")
	client := flag.String("client", "", "for them: the client whose turn it is")
	endpoints := flag.String("endpoints", "", "for them: where the servers are")
	flag.Parse()
	if o.profile != "" {
		runtime.MemProfileRate = 1 // a connection is too small for samples
	}
	bench.Main(o.rounds >= 1 && o.idle >= 1 && o.herd >= 0, func(parent context.Context, out io.Writer) error {
		to := strings.Split(*endpoints, ",")
		switch *turn {
		case "":
			return run(parent, out, o)
		case "idle":
			return idle(parent, out, *client, to, o)
		default:
			return herd(parent, out, *client, to, o)
		}
	})
}

type options struct {
	rounds, idle, herd int
	profile            string
}

// args are the arguments of a process that has a turn.
func (o options) args(turn, client string, c *etcdtest.Cluster) []string {
	return []string{
		"-turn", turn, "-client", client, "-endpoints", strings.Join(c.Endpoints(), ","), "-profile", o.profile,
		"-connections", strconv.Itoa(o.idle), "-herd", strconv.Itoa(o.herd),
	}
}

func run(parent context.Context, out io.Writer, o options) (err error) {
	cluster, err := bench.Cluster(parent, out, etcdtest.WithSize(3), etcdtest.WithFlags("--unsafe-no-fsync"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	results := map[string][]idleSample{}
	for range o.rounds {
		for _, name := range []string{clients.ClientV3, clients.Eetcd} {
			var s idleSample
			if err := bench.Child(parent, o.args("idle", name, cluster), nil, &s); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			results[name] = append(results[name], s)
		}
	}
	title := fmt.Sprintf("An idle connection, one of %d: three endpoints, a watch and a kept lease", o.idle)
	if err := bench.WriteTable(out, title, 14, idleColumns, results); err != nil {
		return err
	}
	fmt.Fprint(out, idleNote)
	if o.herd == 0 {
		return nil
	}
	for _, f := range faults {
		results := map[string][]herdSample{}
		for _, name := range []string{clients.ClientV3, clients.Eetcd} {
			s, err := measureHerd(parent, cluster, f, name, o)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", f.name, name, err)
			}
			results[name] = append(results[name], s)
		}
		if err := bench.WriteTable(out, fmt.Sprintf("%d connections, %s", o.herd, f.name), 17, herdColumns, results); err != nil {
			return err
		}
	}
	fmt.Fprint(out, herdNote)
	return nil
}
