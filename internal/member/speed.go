// SPDX-License-Identifier: Apache-2.0

package member

import (
	"math"
	"sync"
	"time"
)

const (
	// An attempt is late after lateTimes the time of an answer, but not before lateMin.
	lateTimes = 8
	lateMin   = 5 * time.Millisecond
	// never is the time of an answer that is not to be expected soon.
	never = time.Duration(math.MaxInt64)
)

// Ending is how an attempt has ended.
type Ending uint8

const (
	Failed   Ending = iota
	Answered        // and the time that the answer took tells how soon the link answers
	Untold          // it was refused or given up, and its time tells nothing
)

// speed is how soon a link answers, by its last answers. Times are those of Clock.
type speed struct {
	mu    sync.Mutex
	takes time.Duration // what an answer took on average; 0: unknown, or the last attempt failed
	under int           // attempts under way
	since time.Duration // since when none of these has ended
}

// expected returns what an answer takes: 0 where nothing was tried yet, which is a nil s, and never where the last attempt failed, the
// first one is under way, or one is late.
func (s *speed) expected(now time.Duration) time.Duration {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.takes == 0, s.under > 0 && s.late(now-s.since):
		return never
	default:
		return s.takes
	}
}

// late reports whether an attempt is late after that time. The lock is held.
func (s *speed) late(after time.Duration) bool { return after > max(lateMin, lateTimes*s.takes) }

// begins says that an attempt begins.
func (s *speed) begins(now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under++; s.under == 1 {
		s.since = now
	}
}

// ends says that an attempt has ended that began at that time, and learns from it.
func (s *speed) ends(began, now time.Duration, how Ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under--
	s.since = now
	switch took := max(now-began, 1); {
	case how == Failed, how == Untold && s.late(took):
		s.takes = 0
	case how == Untold:
	case s.takes == 0:
		s.takes = took
	default:
		s.takes = max(s.takes+(took-s.takes)/8, 1)
	}
}
