// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/bench"
)

// listSample has the memory of one list, in MiB.
type listSample struct {
	Held float64 // by the copy, in the end
	Peak float64 // that a collection found in use, and for kv.All the whole heap
}

var listColumns = []bench.Column[listSample]{
	{Name: "copy MiB", Of: func(s listSample) float64 { return s.Held }, Print: bench.Fixed(1)},
	{Name: "peak MiB", Of: func(s listSample) float64 { return s.Peak }, Print: bench.Fixed(1), Row: true},
	{Name: "above it MiB", Of: func(s listSample) float64 { return s.Peak - s.Held }, Print: bench.Fixed(1)},
}

const listNote = `
The peak is the most that the garbage collector found in use until the first copy was complete. It runs each time the heap has
grown by 5 %. clientv3 gets all keys in one message. kv.All runs with the collector's default settings.
`

func peaksOf(all []listSample) []float64 {
	peaks := make([]float64, len(all))
	for i, s := range all {
		peaks[i] = s.Peak
	}
	return peaks
}

// measureList gives a client its turn, in its own process.
func measureList(parent context.Context, s *store, name string) (sample listSample, err error) {
	err = bench.Child(parent, []string{"-turn", "list", "-client", name, "-endpoint", s.endpoint}, nil, &sample)
	return sample, err
}

// lists is the other side of measureList.
func lists(parent context.Context, out io.Writer, name, endpoint string) error {
	if err := bench.Ready(out); err != nil {
		return err
	}
	if name == readAll {
		return reads(parent, out, endpoint)
	}
	c, err := clientNamed(name)
	if err != nil {
		return err
	}
	m, err := c.open(parent, endpoint)
	if err != nil {
		return err
	}
	debug.SetGCPercent(5)
	stop := sampling("/gc/heap/live:bytes")
	err = m.follow(listPrefix)
	peak := stop()
	if err != nil {
		return err
	}
	s := listSample{Held: mebibytes(uint64(heap())), Peak: mebibytes(peak)}
	runtime.KeepAlive(m)
	return bench.Report(out, s)
}

// reads measures kv.All.
func reads(parent context.Context, out io.Writer, endpoint string) error {
	c, err := conn.Open(parent, "", []string{endpoint})
	if err != nil {
		return err
	}
	stop := sampling("/memory/classes/heap/objects:bytes")
	for _, err := range kv.All(parent, kv.New(c.Name()).WithKey(listPrefix).WithPrefix()) {
		if err != nil {
			return err
		}
	}
	return bench.Report(out, listSample{Peak: mebibytes(stop())})
}

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }

// sampling samples a metric each millisecond, until the function that it returns is called. That returns the highest value.
func sampling(metric string) (stop func() uint64) {
	end, peak := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: metric}}
		var highest uint64
		for {
			metrics.Read(sample)
			highest = max(highest, sample[0].Value.Uint64())
			select {
			case <-time.After(time.Millisecond):
			case <-end:
				peak <- highest
				return
			}
		}
	}()
	return func() uint64 { close(end); return <-peak }
}
