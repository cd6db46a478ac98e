// SPDX-License-Identifier: Apache-2.0

// Manybench compares kv.PutMany with goroutines that put the same pairs with clientv3, one by one. Both take turns on one cluster.
// It prints figures and judges nothing.
//
//	go run ./manybench -pairs 100000 -rounds 3
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

func main() {
	pairs := flag.Int("pairs", 100_000, "how many pairs PutMany writes in a turn; clientv3 writes a tenth of them")
	rounds := flag.Int("rounds", 3, "how often each client has its turn; the table holds medians")
	members := flag.Int("members", 1, "how many members the cluster has")
	flag.Parse()
	bench.Main(*pairs >= 10 && *rounds >= 1 && *members >= 1, func(parent context.Context, out io.Writer) error {
		return run(parent, out, *pairs, *rounds, *members)
	})
}

// writers is how many goroutines put with clientv3.
const writers = 64

var value = strings.Repeat("x", 100)

func key(i int) string { return fmt.Sprintf("many/%08d", i) }

// turn is what one client did in its turn.
type turn struct {
	pairs int
	cost  bench.Cost
}

func (t turn) rate() float64 { return float64(t.pairs) / t.cost.Time.Seconds() }

func (t turn) cpu() float64 { return float64(t.cost.CPU.Nanoseconds()) / 1000 / float64(t.pairs) }

var columns = []bench.Column[turn]{
	{Name: "pairs/s", Of: turn.rate, Print: bench.Fixed(0), Row: true},
	{Name: "cpu us/pair", Of: turn.cpu, Print: bench.Fixed(1), Row: true},
}

func run(parent context.Context, out io.Writer, pairs, rounds, members int) (err error) {
	cluster, err := bench.Cluster(parent, out, etcdtest.WithSize(members))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	both, err := clients.OpenBoth(parent, cluster.Endpoints())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, both.Close()) }()

	turns := []struct {
		name  string
		pairs int
		put   func(parent context.Context, pairs int) error
	}{
		{clients.Eetcd, pairs, func(parent context.Context, pairs int) error { return ours(parent, both, pairs) }},
		{clients.ClientV3, pairs / 10, func(parent context.Context, pairs int) error { return theirs(parent, both, pairs) }},
	}
	results := map[string][]turn{}
	for round := range rounds {
		for i := range turns {
			one := turns[(round+i)%len(turns)]
			stop := bench.Start()
			if err := one.put(parent, one.pairs); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			results[one.name] = append(results[one.name], turn{one.pairs, stop()})
		}
	}
	title := fmt.Sprintf("PutMany, and %d goroutines with clientv3's Put, cluster of %d", writers, members)
	return bench.WriteTable(out, title, 12, columns, results)
}

func ours(parent context.Context, both *clients.Both, pairs int) error {
	_, err := kv.PutMany(parent, kv.New(both.SDK.Name()).WithTimeout(time.Minute), func(yield func(string, string) bool) {
		for i := range pairs {
			if !yield(key(i), value) {
				return
			}
		}
	})
	return err
}

func theirs(parent context.Context, both *clients.Both, pairs int) error {
	var next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, writers)
	for range writers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(pairs); i = next.Add(1) - 1 {
				if _, err := both.Etcd.Put(parent, key(int(i)), value); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}
