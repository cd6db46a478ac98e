// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"sync/atomic"
)

// journey is what riders see of their trip.
type journey struct {
	Progress
	alarm
	ctx    context.Context
	cancel context.CancelFunc
	riding atomic.Int64  // riders that still wait, and one more until the trip leaves: until then others may board
	vacant chan struct{} // closed when a trip that has left has no rider any more

	// What the trip has brought. Nothing of it changes once the trip is over.
	err   error
	alone bool // the trip was refused as a whole, so each read must go alone

	load    *load        // nil once nobody needs it
	holding atomic.Int32 // 2 at first: all riders together need the load, and so does the goroutine of the trip
}

// leave takes a rider out, before the end or once it has decoded its answer. A trip that has left and has no rider is cancelled.
func (j *journey) leave() {
	if j.riding.Add(-1) == 0 {
		j.cancel()
		close(j.vacant)
		j.unload()
	}
}

// end tells the riders that the trip is over. Whoever calls it needs the load no more.
func (j *journey) end() {
	j.alarm.end()
	j.unload()
}

// unload gives the load to another trip, once nobody needs it here.
func (j *journey) unload() {
	if j.holding.Add(-1) == 0 {
		j.load.free()
		j.load = nil
	}
}

// empty reports whether all riders of a trip that has not left are gone.
func (j *journey) empty() bool { return j.riding.Load() == 1 }
