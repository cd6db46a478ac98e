// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
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
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	cmd := exec.CommandContext(parent, self, "-turn", name, "-endpoint", endpoint, "-workload", load.name,
		"-events", strconv.Itoa(o.events), "-profile", o.profile)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return s, err
	}
	if err := cmd.Start(); err != nil {
		return s, err
	}
	lines := bufio.NewReader(out)
	if _, err = lines.ReadString('\n'); err == nil && load.live { // the watch is there
		err = w.write(parent, load, load.events(o))
	}
	if err == nil {
		err = json.NewDecoder(lines).Decode(&s)
	}
	if err != nil {
		_ = cmd.Process.Kill()
	}
	if ended := cmd.Wait(); ended != nil {
		return s, ended
	}
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
	created := func() { _, told = fmt.Fprintln(out) }
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
	return json.NewEncoder(out).Encode(sample{
		Seconds: cost.Time.Seconds() / n, CPU: cost.CPU.Seconds() / n, Objects: cost.Objects / n, Bytes: cost.Bytes / n,
	})
}
