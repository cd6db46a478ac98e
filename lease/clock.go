// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"math/rand/v2"
	"time"
)

// nextDue is when a lease that was renewed at a time is to be renewed again: after interval, give or take 5 %, so that
// leases that were granted together do not stay together. It is rounded up by at most another sixteenth of the interval. So
// many leases fall due at the same moment, and the process wakes up once for them.
func nextDue(at, interval time.Duration) time.Duration {
	due := at + interval + time.Duration((rand.Float64()-0.5)*0.1*float64(interval))
	batch := min(max(interval/16, minBatch), maxBatch)
	return (due + batch - 1) / batch * batch
}

const (
	minBatch = 10 * time.Millisecond
	maxBatch = 250 * time.Millisecond
)

// clock is when the renewer wakes up.
type clock struct {
	at    time.Duration
	reset chan struct{} // holds a signal that at has become earlier
}

func newClock() clock { return clock{at: never, reset: make(chan struct{}, 1)} }

// before makes the clock wake up at that time at the latest.
func (c *clock) before(at time.Duration) {
	if at < c.at {
		c.at = at
		signal(c.reset)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
