// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/eetcd-go/eetcd/test/internal/bench"

var columns = []bench.Column[sample]{
	{Name: "events/s", Of: func(s sample) float64 { return 1 / s.Seconds }, Print: bench.Fixed(0)},
	{Name: "events/CPU s", Of: perCPU, Print: bench.Fixed(0), Row: true},
	{Name: "CPU us/event", Of: func(s sample) float64 { return s.CPU * 1e6 }, Print: bench.Fixed(2)},
	{Name: "objects/event", Of: func(s sample) float64 { return s.Objects }, Print: bench.Fixed(1), Row: true},
	{Name: "bytes/event", Of: func(s sample) float64 { return s.Bytes }, Print: bench.Fixed(0)},
}

// perCPU returns the events for each second of CPU time, or 0 if that is unknown.
func perCPU(s sample) float64 {
	if s.CPU == 0 {
		return 0
	}
	return 1 / s.CPU
}
