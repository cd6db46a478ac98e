// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// workload is a number of events to follow.
type workload struct {
	name, title string
	prefix      string
	perTxn      int
	live        bool // the events happen while the watch is open, rather than before
}

const (
	replayPrefix = "watchbench/replay/"
	livePrefix   = "watchbench/live/"
)

var workloads = []workload{
	// For each thousand revisions that a server sends, it searches the rest of the history. With one event per revision
	// the benchmark would measure only that.
	{"replay", "Replay of %d events, ten to a revision", replayPrefix, 10, false},
	{"live", "%d events as they happen, one to a revision, 64 callers writing", livePrefix, 1, true},
}

func (w workload) events(o options) int {
	if w.live {
		return max(1, o.events/10)
	}
	return o.events
}

func workloadNamed(name string) (workload, error) {
	for _, w := range workloads {
		if w.name == name {
			return w, nil
		}
	}
	return workload{}, fmt.Errorf("no workload %q", name)
}

// writer writes events.
type writer struct {
	cc *grpc.ClientConn
	kv pb.KVClient
}

func newWriter(endpoint string) (*writer, error) {
	cc, err := clients.Dial(endpoint)
	if err != nil {
		return nil, err
	}
	return &writer{cc, pb.NewKVClient(cc)}, nil
}

func (w *writer) close() error { return w.cc.Close() }

// write makes the events of a workload.
func (w *writer) write(parent context.Context, load workload, n int) error {
	value := []byte(strings.Repeat("v", 100))
	return bench.Write(parent, w.kv, n, load.perTxn, func(i int) ([]byte, []byte) {
		return fmt.Appendf(nil, "%s%0*d", load.prefix, 20-len(load.prefix), i%100), value
	})
}
