// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"

	"github.com/eetcd-go/eetcd/test/internal/bench"
)

// sample has the figures of one client in one turn, per event.
type sample struct {
	Seconds, CPU, Objects, Bytes float64
}

// replays is how often a turn replays the history, to have enough to measure.
const replays = 5

// measure gives a client its turn, in its own process.
func measure(parent context.Context, w *writer, endpoint, name string, load workload, o options) (s sample, err error) {
	args := []string{
		"-turn", name, "-endpoint", endpoint, "-workload", load.name, "-events", strconv.Itoa(o.events), "-profile", o.profile,
	}
	watched := func() error {
		if !load.live {
			return nil
		}
		return w.write(parent, load, load.events(o))
	}
	err = bench.Child(parent, args, watched, &s)
	return s, err
}

// takeTurn is the other side of measure. It reports the creation of the watch, and then the cost of following it.
func takeTurn(parent context.Context, out io.Writer, name, endpoint, loadName string, o options) error {
	load, err := workloadNamed(loadName)
	if err != nil {
		return err
	}
	for _, c := range followers {
		if c.name == name {
			return follow(parent, out, c, endpoint, load, o)
		}
	}
	return fmt.Errorf("no client %q", name)
}

func follow(parent context.Context, out io.Writer, c client, endpoint string, load workload, o options) error {
	follow, err := c.open(parent, endpoint)
	if err != nil {
		return err
	}
	if err := follow(replayPrefix, 1, min(o.events, 10_000), func() {}); err != nil { // warms up
		return err
	}
	rev := int64(1)
	if load.live {
		rev = 0
	}
	if o.profile != "" {
		f, err := os.Create(filepath.Join(o.profile, c.name+"-"+load.name+".pprof"))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	runtime.GC()
	stop := bench.Start()
	var told error
	times := replays
	if load.live {
		times = 1
	}
	created := func() { told = bench.Ready(out) }
	for range times {
		if err == nil {
			err = follow(load.prefix, rev, load.events(o), created)
		}
		created = func() {}
	}
	cost := stop()
	if err := errors.Join(err, told); err != nil {
		return err
	}
	n := float64(times * load.events(o))
	return bench.Report(out, sample{
		Seconds: cost.Time.Seconds() / n, CPU: cost.CPU.Seconds() / n, Objects: cost.Objects / n, Bytes: cost.Bytes / n,
	})
}
