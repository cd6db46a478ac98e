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

// clock is when the renewer wakes up. The guard's lock guards it.
type clock struct {
	at    time.Duration
	timer *time.Timer // nil: the renewer does not run
}

// set makes the clock wake up at a time, where it is now.
func (c *clock) set(at, now time.Duration) {
	c.at = at
	if c.timer != nil {
		c.timer.Reset(at - now)
	}
}

// before makes the clock wake up at a time at the latest.
func (c *clock) before(at, now time.Duration) {
	if at < c.at {
		c.set(at, now)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
