// SPDX-License-Identifier: Apache-2.0

package wait

import "time"

// Repeat calls f after first, and again each time after what f has returned, until stop. No goroutine waits between the calls.
// stop waits for a call under way, so f must not call it.
func Repeat(first time.Duration, f func() (next time.Duration)) (stop func()) {
	turn := make(chan *time.Timer, 1) // holds the timer between calls, and nil after stop
	turn <- time.AfterFunc(first, func() {
		timer := <-turn
		if timer != nil {
			next := f()
			timer.Reset(next)
		}
		turn <- timer
	})
	return func() {
		if timer := <-turn; timer != nil {
			timer.Stop()
		}
		turn <- nil
	}
}
