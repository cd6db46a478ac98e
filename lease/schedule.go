// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"math/rand/v2"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// nextDue is when a lease that was renewed at that time is to be renewed again: after that interval, with a jitter of 5 %
// so that leases that were granted together do not stay together forever. It is rounded up, by at most another
// sixteenth, so that many leases fall due at once and cost one wake-up.
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

// before has the clock wake up at that time at the latest.
func (c *clock) before(at time.Duration) {
	if at < c.at {
		c.at = at
		signal(c.reset)
	}
}

// setAlarm sets when something is to be done about a lease next.
func (r *renewer) setAlarm(l *held) {
	at := time.Duration(l.validUntil.Load())
	if l.stage == resting {
		at = min(at, l.due)
	}
	r.alarms.put(l, at)
	r.clock.before(at)
}

// tend does what is to be done in time.
func (r *renewer) tend() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-r.life.Done():
			return
		case <-r.clock.reset:
		case <-timer.C:
		}
		wait, silent := r.tick()
		if silent != nil {
			silent.Doubt()
			silent.Abort()
		}
		timer.Reset(wait)
	}
}

// tick has leases renewed that are due, ends those that may have expired, and tells how long there is nothing to do. It
// returns the stream if that is silent where it should not be.
func (r *renewer) tick() (wait time.Duration, silent engine.Stream) {
	r.hub.lock()
	defer r.hub.unlock()
	now := r.now()
	late := max(now-r.clock.at, 0)
	for {
		l, at := r.alarms.top()
		if at > now {
			r.clock.at = at
			break
		}
		if l.expired(now) {
			r.finish(l, expired(r.last), true)
		} else {
			r.demand(l)
		}
	}
	if r.stream != nil {
		if r.flights.overdue(now, late) {
			r.fellSilent(now)
			return r.clock.at - now, r.stream
		}
		r.clock.at = min(r.clock.at, r.flights.limit())
	}
	return r.clock.at - now, nil
}
