// SPDX-License-Identifier: Apache-2.0

package wait

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pause is the time between two attempts: 50 ms, then twice as much each time up to 2 s, plus or minus one half. Its zero value is
// ready for use.
type Pause struct{ next time.Duration }

const (
	pauseMin = 50 * time.Millisecond
	pauseMax = 2 * time.Second
)

// Sleep waits for the next pause. It reports whether that has passed; false means that ctx has ended.
func (p *Pause) Sleep(ctx context.Context) bool {
	d := max(p.next, pauseMin)
	p.next = min(2*d, pauseMax)
	return For(ctx, d/2+rand.N(d))
}

// Reset makes the next pause one of 50 ms again.
func (p *Pause) Reset() { p.next = 0 }
