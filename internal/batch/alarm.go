// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"sync"
	"sync/atomic"
	"time"
)

// alarm wakes the riders of a trip: when the trip is over, and before that when the deadline of one of them has passed. All riders wait
// for one bell, since to close a channel costs less than to send each of them a message. One timer serves all of them, since
// most trips come back long before the first deadline. Each deadline wakes all riders that still wait, which is much only in an outage.
type alarm struct {
	over atomic.Bool // the riders may look at what the trip has brought

	mu    sync.Mutex
	bell  chan struct{} // closed to wake the riders; then there is a new one, unless the trip is over
	timer *time.Timer
	at    time.Time // when it rings; zero if it is not set
}

// watch returns the bell that wakes a rider at its deadline, if not before. A rider that was woken too early calls watch again.
func (a *alarm) watch(deadline time.Time) (bell <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.over.Load():
	case a.timer == nil:
		a.at = deadline
		a.timer = time.AfterFunc(time.Until(deadline), a.ring)
	case a.at.IsZero() || deadline.Before(a.at):
		a.at = deadline
		a.timer.Reset(time.Until(deadline))
	}
	return a.bell
}

// ring wakes all riders. Those whose deadlines have not passed call watch again.
func (a *alarm) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over.Load() {
		return
	}
	a.at = time.Time{}
	close(a.bell)
	a.bell = make(chan struct{})
}

// end wakes all riders, because the trip is over.
func (a *alarm) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over.Store(true)
	if a.timer != nil {
		a.timer.Stop()
	}
	close(a.bell)
}
