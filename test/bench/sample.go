// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// sample has the figures of one client in one turn, per call.
type sample struct {
	wait    float64 // of a caller, in seconds
	p99     float64 // of a caller, in seconds: 99 of 100 calls took at most that
	rate    float64 // calls of all callers in a second
	objects float64
	bytes   float64
	cpu     float64 // in seconds; 0 where the system does not tell
}

// warmUpShare is the unmeasured share of a turn, at its start. The garbage collection between turns empties what a
// client keeps for reuse.
const warmUpShare = 5

func measure(w workload, c clients.Client, turn time.Duration) (sample, error) {
	runtime.GC() // a client pays for its own garbage only
	if err := drive(w, c, turn/warmUpShare, make([]waits, w.callers)); err != nil {
		return sample{}, err
	}
	made := make([]waits, w.callers)
	stop := bench.Start()
	err := drive(w, c, turn, made)
	cost := stop()
	if err != nil {
		return sample{}, err
	}
	all := sum(made)
	calls := float64(all.n)
	return sample{
		p99:     all.quantile(0.99).Seconds(),
		wait:    cost.Time.Seconds() * float64(w.callers) / calls,
		rate:    calls / cost.Time.Seconds(),
		objects: cost.Objects / calls,
		bytes:   cost.Bytes / calls,
		cpu:     cost.CPU.Seconds() / calls,
	}, nil
}

// drive lets the callers call until the time is up, and notes how long each call took. The first error ends it.
func drive(w workload, c clients.Client, d time.Duration, made []waits) error {
	var (
		over   atomic.Bool
		first  error
		once   sync.Once
		making sync.WaitGroup
		start  = time.Now()
	)
	timer := time.AfterFunc(d, func() { over.Store(true) })
	defer timer.Stop()
	for caller := range w.callers {
		making.Go(func() {
			// One look at the clock for each call: it ends the call, and begins the next one.
			for n, began := 0, time.Since(start); !over.Load(); n++ {
				if err := w.call(c, caller+n*w.callers); err != nil {
					once.Do(func() { first = err })
					over.Store(true)
					return
				}
				ended := time.Since(start)
				made[caller].note(ended - began)
				began = ended
			}
		})
	}
	making.Wait()
	return first
}
