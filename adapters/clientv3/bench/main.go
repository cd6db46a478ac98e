// SPDX-License-Identifier: Apache-2.0

// Command bench measures one program over clientv3 and over the adapter: callers that read one key after another. It starts a
// cluster of its own, and prints the reads per second of each client, the median of several rounds in turn.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

const keys = 100

func main() {
	members := flag.Int("members", 1, "number of members of the cluster")
	rounds := flag.Int("rounds", 5, "rounds of each client")
	length := flag.Duration("length", time.Second, "time of a round")
	flag.Parse()
	if err := run(context.Background(), *members, *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, members, rounds int, length time.Duration) (err error) {
	cluster, err := etcdtest.Run(ctx, etcdtest.WithSize(members))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	c, err := conn.Open(ctx, "", cluster.Endpoints())
	if err != nil {
		return err
	}
	defer c.Close()
	plain, err := clientv3.New(clientv3.Config{Endpoints: cluster.Endpoints(), Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer plain.Close()
	adapted := adapter.New(c)
	defer adapted.Close()
	for i := range keys {
		if _, err := plain.Put(ctx, key(i), strings.Repeat("v", 100)); err != nil {
			return err
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "etcd %s, %d members, %d rounds of %v\n", cluster.Member(0).Version(), members, rounds, length)
	fmt.Fprintln(w, "callers\tclientv3, gets/s\tadapter, gets/s\ttimes\t")
	for _, callers := range []int{1, 8, 64, 256} {
		var rates [2][]float64
		for range rounds {
			for i, cli := range []*clientv3.Client{plain, adapted} {
				rate, err := measure(ctx, cli, callers, length)
				if err != nil {
					return err
				}
				rates[i] = append(rates[i], rate)
			}
		}
		theirs, ours := median(rates[0]), median(rates[1])
		fmt.Fprintf(w, "%d\t%.0f\t%.0f\t%.1f\t\n", callers, theirs, ours, ours/theirs)
	}
	return w.Flush()
}

// measure returns the reads per second of a number of callers.
func measure(ctx context.Context, cli *clientv3.Client, callers int, length time.Duration) (float64, error) {
	var (
		calling sync.WaitGroup
		done    atomic.Int64
		failed  atomic.Pointer[error]
	)
	began := time.Now()
	for caller := range callers {
		calling.Go(func() {
			for n := caller; time.Since(began) < length; n++ {
				if _, err := cli.Get(ctx, key(n)); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	calling.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(began).Seconds(), nil
}

func key(n int) string { return fmt.Sprintf("bench/%03d", n%keys) }

func median(rates []float64) float64 {
	slices.Sort(rates)
	return rates[len(rates)/2]
}
