// SPDX-License-Identifier: Apache-2.0

package lease

import "time"

// reprieve is the extra time that a silent member gets before it is blamed. A process with little CPU may have the answer
// already, in its socket or in a queue, and may not have read it yet. The delay of its timer shows how long its goroutines wait,
// so the reprieve lasts twice that delay. If its end comes even later, as after a stop of the process, there is another one.
type reprieve struct {
	lasts time.Duration // 0: there was no reprieve yet
	until time.Duration
}

// shortest is the reprieve where the timer was not late.
const shortest = 20 * time.Millisecond

// over reports whether the member is to blame: a reprieve has passed, and the timer for its end was late by at most its length.
// Otherwise it begins a new reprieve. late is the delay of the timer that led to this call.
func (r *reprieve) over(now, late, longest time.Duration) bool {
	if r.lasts > 0 && late <= r.lasts {
		return true
	}
	r.lasts = min(max(2*late, shortest), longest)
	r.until = now + r.lasts
	return false
}

// silent waits for answered, or for the end of patience and the reprieve. It reports whether no answer came.
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
