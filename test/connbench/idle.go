// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/eetcd-go/eetcd/test/internal/bench"
)

// idleSample is what one idle connection holds.
type idleSample struct {
	Heap, Stacks, Goroutines float64 // bytes, but for the goroutines
}

var idleColumns = []bench.Column[idleSample]{
	{Name: "heap kB", Of: func(s idleSample) float64 { return s.Heap / 1000 }, Print: bench.Fixed(1), Row: true},
	{Name: "stacks kB", Of: func(s idleSample) float64 { return s.Stacks / 1000 }, Print: bench.Fixed(1), Row: true},
	{Name: "both kB", Of: func(s idleSample) float64 { return (s.Heap + s.Stacks) / 1000 }, Print: bench.Fixed(1), Row: true},
	{Name: "goroutines", Of: func(s idleSample) float64 { return s.Goroutines }, Print: bench.Fixed(1), Row: true},
}

const idleNote = `
The heap is measured after garbage collections, once the number of goroutines has settled.
`

// idle opens connections, and reports what each holds.
func idle(parent context.Context, out io.Writer, client string, endpoints []string, o options) error {
	// The first connection has what all share: caches, tables, pools.
	if _, err := open(parent, client, endpoints); err != nil {
		return err
	}
	if err := settle(parent); err != nil {
		return err
	}
	before := held()
	all := make([]connected, o.idle)
	for i := range all {
		var err error
		if all[i], err = open(parent, client, endpoints); err != nil {
			return err
		}
	}
	if err := settle(parent); err != nil {
		return err
	}
	after := held()
	if err := dump(client, o.profile); err != nil {
		return err
	}
	n := float64(o.idle)
	err := errors.Join(bench.Ready(out), bench.Report(out, idleSample{
		Heap: (after.Heap - before.Heap) / n, Stacks: (after.Stacks - before.Stacks) / n,
		Goroutines: (after.Goroutines - before.Goroutines) / n,
	}))
	runtime.KeepAlive(all)
	return err
}

var errUnsettled = errors.New("the number of goroutines still changes")

// settle waits until the least number of goroutines within a second is that of the second before. Calls that check the members come and
// go meanwhile.
func settle(parent context.Context) error {
	const pause, samples, limit = 50 * time.Millisecond, 20, time.Minute
	parent, cancel := context.WithTimeoutCause(parent, limit, errUnsettled)
	defer cancel()
	for last := 0; ; {
		least := math.MaxInt
		for range samples {
			least = min(least, runtime.NumGoroutine())
			select {
			case <-time.After(pause):
			case <-parent.Done():
				return context.Cause(parent)
			}
		}
		if least == last {
			return nil
		}
		last = least
	}
}

// held returns what this process holds.
func held() idleSample {
	for range 3 { // pools keep their contents for one collection more, and stacks shrink by half in each
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return idleSample{float64(m.HeapAlloc), float64(m.StackInuse), float64(runtime.NumGoroutine())}
}

// dump writes the heap and the goroutines of this process to a folder.
func dump(client, folder string) error {
	if folder == "" {
		return nil
	}
	for _, what := range []string{"heap", "goroutine"} {
		f, err := os.Create(filepath.Join(folder, client+"."+what))
		if err != nil {
			return err
		}
		if err := errors.Join(pprof.Lookup(what).WriteTo(f, 0), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
