// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"sync/atomic"

	"github.com/eetcd-go/eetcd/gen/batchpb"
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
	answers *batchpb.Answers
	of      []int // for each rider, which answer is its own; -1 for those who had left before the trip did
	err     error
	alone   bool // the trip was refused as a whole, so each read must go alone
}

// leave takes a rider out, before the end or after it. A trip that has left and has no rider is cancelled.
func (j *journey) leave() {
	if j.riding.Add(-1) == 0 {
		j.cancel()
		close(j.vacant)
	}
}

// empty reports whether all riders of a trip that has not left are gone.
func (j *journey) empty() bool { return j.riding.Load() == 1 }
