// SPDX-License-Identifier: Apache-2.0

package lease

import "time"

// reprieve is the time that a silent member gets when its patience is over. A process that gets little CPU may have
// the answer already, in its socket or in a queue, and not have come to read it. By how much its timer was late tells
// how long its goroutines wait, so it runs for twice as long before it takes its own slowness for the member's. A
// process that was stopped begins again.
type reprieve struct {
	lasts time.Duration // 0: there was none yet
	until time.Duration
}

// shortest is the time that a process that runs on time gives itself.
const shortest = 20 * time.Millisecond

// over reports whether the member is to blame: a reprieve has passed and the timer of its end was not later than it was
// long. Otherwise there is a new one. late is the delay of the timer that led here.
func (r *reprieve) over(now, late, longest time.Duration) bool {
	if r.lasts > 0 && late <= r.lasts {
		return true
	}
	r.lasts = min(max(2*late, shortest), longest)
	r.until = now + r.lasts
	return false
}

// silent waits until answered is closed, which is false, or until patience and its reprieve are over.
func silent(answered <-chan struct{}, patience time.Duration) bool {
	var r reprieve
	began := time.Now()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for due := patience; ; due = r.until {
		select {
		case <-answered:
			return false
		case <-timer.C:
		}
		now := time.Since(began)
		if r.over(now, now-due, patience) {
			return true
		}
		timer.Reset(r.lasts)
	}
}
