// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/bits"
	"time"
)

// waits counts calls by how long they took. It allocates nothing, so that it is in nobody's figures. Each power of two of
// nanoseconds has steps steps, so a quantile is exact to a sixteenth.
type waits struct {
	n  int64
	of [64 * steps]uint32
}

const steps = 16

func (w *waits) note(d time.Duration) {
	w.n++
	w.of[stepOf(uint64(max(d, steps)))]++
}

// stepOf returns the step of a duration of at least steps nanoseconds.
func stepOf(d uint64) int {
	power := bits.Len64(d) - 1
	return power*steps + int(d>>(power-bits.Len(steps)+1))%steps
}

// end returns where a step ends.
func end(step int) time.Duration {
	power, part := step/steps, step%steps
	return time.Duration(math.Ldexp(1+float64(part+1)/steps, power))
}

// quantile returns how long at most that share of the calls took, or 0 if there were none.
func (w *waits) quantile(share float64) time.Duration {
	rank, seen := int64(math.Ceil(share*float64(w.n))), int64(0)
	for step, n := range w.of {
		seen += int64(n)
		if seen >= rank && seen > 0 {
			return end(step)
		}
	}
	return 0
}

func sum(all []waits) *waits {
	total := new(waits)
	for i := range all {
		total.n += all[i].n
		for step, n := range all[i].of {
			total.of[step] += n
		}
	}
	return total
}
