// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"sync"
	"time"
)

// alarm ends the waits of riders whose deadlines pass before the answer of their trip comes. One timer serves all of them, since
// most trips come back long before that.
type alarm struct {
	mu    sync.Mutex
	seats []*seat
	timer *time.Timer
	at    time.Time // when it rings; zero if nobody waits
	off   bool      // the riders get their answers, and their seats may serve others
}

// watch adds a rider. From now on its deadline ends its wait.
func (a *alarm) watch(s *seat) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seats = append(a.seats, s)
	switch {
	case a.timer == nil:
		a.at = s.deadline
		a.timer = time.AfterFunc(time.Until(s.deadline), a.ring)
	case a.at.IsZero() || s.deadline.Before(a.at):
		a.at = s.deadline
		a.timer.Reset(time.Until(s.deadline))
	}
}

// ring wakes the riders whose deadlines have passed, and waits for the next deadline.
func (a *alarm) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.off {
		return
	}
	now := time.Now()
	a.at = time.Time{}
	for _, s := range a.seats {
		switch {
		case !s.deadline.After(now):
			s.end(overdue)
		case s.state.Load() == waiting && (a.at.IsZero() || s.deadline.Before(a.at)):
			a.at = s.deadline
		}
	}
	if !a.at.IsZero() {
		a.timer.Reset(a.at.Sub(now))
	}
}

// stop ends the alarm, before the riders get their answers.
func (a *alarm) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.off = true
	if a.timer != nil {
		a.timer.Stop()
	}
}
