// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"runtime"
	"time"
)

// Cost is what this process has used in a turn.
type Cost struct {
	Time, CPU      time.Duration // CPU is 0 if the system does not tell it
	Objects, Bytes float64       // allocated
}

// Start begins a turn. The function that it returns ends it.
func Start() (stop func() Cost) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := cpuTime(), time.Now()
	return func() Cost {
		c := Cost{Time: time.Since(start), CPU: cpuTime() - cpu}
		runtime.ReadMemStats(&after)
		c.Objects, c.Bytes = float64(after.Mallocs-before.Mallocs), float64(after.TotalAlloc-before.TotalAlloc)
		return c
	}
}
