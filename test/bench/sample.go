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
	if _, err := drive(w, c, turn/warmUpShare); err != nil {
		return sample{}, err
	}
	stop := bench.Start()
	n, err := drive(w, c, turn)
	cost := stop()
	if err != nil {
		return sample{}, err
	}
	calls := float64(n)
	return sample{
		wait:    cost.Time.Seconds() * float64(w.callers) / calls,
		rate:    calls / cost.Time.Seconds(),
		objects: cost.Objects / calls,
		bytes:   cost.Bytes / calls,
		cpu:     cost.CPU.Seconds() / calls,
	}, nil
}

// drive lets the callers call until the time is up, and returns the number of calls. The first error ends it.
func drive(w workload, c clients.Client, d time.Duration) (int64, error) {
	var (
		over   atomic.Bool
		made   atomic.Int64
		first  error
		once   sync.Once
		making sync.WaitGroup
	)
	timer := time.AfterFunc(d, func() { over.Store(true) })
	defer timer.Stop()
	for caller := range w.callers {
		making.Go(func() {
			n := 0
			for !over.Load() {
				if err := w.call(c, caller+n*w.callers); err != nil {
					once.Do(func() { first = err })
					over.Store(true)
					break
				}
				n++
			}
			made.Add(int64(n))
		})
	}
	making.Wait()
	return made.Load(), first
}
