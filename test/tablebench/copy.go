// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/test/internal/bench"
)

// copySample has the figures of one copy.
type copySample struct {
	Copied      float64 // seconds until the first copy is complete
	Bytes       float64 // a key
	Get1, Get64 float64 // seconds of a Get of a few keys, beside 0 and 63 other readers
	Any         float64 // seconds of a Get of any key
	Objects     float64 // allocated by a Get
	Ask         float64 // seconds of a Get from the server
	CPU         float64 // seconds a change
}

var copyColumns = []bench.Column[copySample]{
	{Name: "first copy ms", Of: func(s copySample) float64 { return s.Copied * 1e3 }, Print: bench.Fixed(0), Row: true},
	{Name: "bytes/key", Of: func(s copySample) float64 { return s.Bytes }, Print: bench.Fixed(0), Row: true},
	{Name: "Get ns, 1", Of: func(s copySample) float64 { return s.Get1 * 1e9 }, Print: bench.Fixed(0), Row: true},
	{Name: "Get ns, 64", Of: func(s copySample) float64 { return s.Get64 * 1e9 }, Print: bench.Fixed(0)},
	{Name: "Get ns, any key", Of: func(s copySample) float64 { return s.Any * 1e9 }, Print: bench.Fixed(0)},
	{Name: "server Get us", Of: func(s copySample) float64 { return s.Ask * 1e6 }, Print: bench.Fixed(0)},
	{Name: "server / Get", Of: func(s copySample) float64 { return s.Ask / s.Get1 }, Print: bench.Fixed(0)},
	{Name: "CPU us/change", Of: func(s copySample) float64 { return s.CPU * 1e6 }, Print: bench.Fixed(1), Row: true},
}

const copyNote = `
Medians over the rounds; a ratio is the median of the rounds' own ratios. clientv3 fills a map[string]string behind a
sync.RWMutex by one Get and one Watch. The table also has the revisions, the version and the lease of each key, and snapshots in
the order of the keys. Values have 100 bytes. Bytes are those of the heap after a collection. A Get is the median of batches of
1000 Gets. With 1 and with 64 readers they read 1000 of the keys. "any key" is one reader of all keys in random order, which
shows the caches of the CPU rather than the client. "server Get" is the client's own Get from the server, one at a time. CPU time
is that of the whole client process while it follows changes that 64 callers make, one to a revision. etcd's own cache package is
left out, because no version of its module could be fetched.
`

func objectsOf(all []copySample) []float64 {
	objects := make([]float64, len(all))
	for i, s := range all {
		objects[i] = s.Objects
	}
	return objects
}

// measureCopy gives a client its turn, in its own process.
func measureCopy(parent context.Context, s *store, name string, o options) (sample copySample, err error) {
	mark := strconv.FormatInt(time.Now().UnixNano(), 10)
	args := []string{
		"-turn", "copy", "-client", name, "-endpoint", s.endpoint, "-mark", mark,
		"-keys", strconv.Itoa(o.keys), "-changes", strconv.Itoa(o.changes),
	}
	err = bench.Child(parent, args, func() error { return s.change(parent, o, mark) }, &sample)
	return sample, err
}

// copies is the other side of measureCopy.
func copies(parent context.Context, out io.Writer, name, endpoint, mark string, o options) error {
	c, err := clientNamed(name)
	if err != nil {
		return err
	}
	m, err := c.open(parent, endpoint)
	if err != nil {
		return err
	}
	keys := make([]string, o.keys)
	for i, to := range rand.Perm(o.keys) {
		keys[to] = keyOf(copyPrefix, i)
	}
	var s copySample
	if s.Ask, err = askTime(m, keys); err != nil { // connects
		return err
	}
	before := heap()
	start := time.Now()
	if err := m.follow(copyPrefix); err != nil {
		return err
	}
	s.Copied = time.Since(start).Seconds()
	s.Bytes = float64(heap()-before) / float64(o.keys)

	few := keys[:min(len(keys), batchSize)]
	stop := bench.Start()
	s.Get1, err = getTime(m, few, 1)
	s.Objects = stop().Objects / (batches * batchSize)
	if err != nil {
		return err
	}
	if s.Get64, err = getTime(m, few, 64); err != nil {
		return err
	}
	if s.Any, err = getTime(m, keys, 1); err != nil {
		return err
	}
	if s.Ask, err = askTime(m, keys); err != nil {
		return err
	}
	stop = bench.Start()
	if err := bench.Ready(out); err != nil {
		return err
	}
	for now := ""; now != mark; now, _ = m.get(markKey) {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-parent.Done():
			return context.Cause(parent)
		}
	}
	s.CPU = stop().CPU.Seconds() / float64(o.changes)
	runtime.KeepAlive(keys)
	return bench.Report(out, s)
}

// heap returns the bytes of the heap that are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // pools keep what they have through one collection
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A batch is short, so that most batches are not interrupted.
const (
	batchSize = 1000
	batches   = 1000
	asks      = 1000
)

var errNotCopied = errors.New("the copy does not have a key")

// getTime returns the seconds of a Get.
func getTime(m mirror, keys []string, readers int) (float64, error) {
	times := make([]float64, batches)
	failed := make([]error, readers)
	var reading sync.WaitGroup
	for r := range readers {
		reading.Go(func() {
			at := r * len(keys) / readers
			for b := r; b < batches; b += readers {
				start := time.Now()
				for range batchSize {
					if at++; at >= len(keys) {
						at = 0
					}
					if value, there := m.get(keys[at]); !there || len(value) == 0 {
						failed[r] = errNotCopied
					}
				}
				times[b] = time.Since(start).Seconds() / batchSize
			}
		})
	}
	reading.Wait()
	return bench.Median(times), errors.Join(failed...)
}

// askTime returns the seconds of a Get from the server.
func askTime(m mirror, keys []string) (float64, error) {
	times := make([]float64, asks)
	for i := range times {
		start := time.Now()
		if err := m.ask(keys[i%len(keys)]); err != nil {
			return 0, err
		}
		times[i] = time.Since(start).Seconds()
	}
	return bench.Median(times), nil
}
