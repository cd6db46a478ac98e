// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"time"
)

const (
	// ownTimeSteps is into how many steps a timeout is divided.
	ownTimeSteps = 20
	// ownTimeMax is how many times longer than asked for a timeout may take.
	ownTimeMax = 10
)

// withOwnTime is context.WithTimeoutCause, in time that this process has been able to run. It counts timers of a short step:
// where they fire late, because the process has little CPU or was stopped, an answer may be there that nobody has read yet,
// and the member must not pay for that.
func withOwnTime(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithCancelCause(parent)
	step := max(d/ownTimeSteps, 1)
	latest := time.Now().Add(ownTimeMax * d)
	passed := time.Duration(0)
	var timer *time.Timer
	timer = time.AfterFunc(time.Hour, func() {
		passed += step
		switch {
		case limited.Err() != nil:
		case passed >= d || !time.Now().Before(latest):
			cancel(cause)
		default:
			timer.Reset(min(step, d-passed))
		}
	})
	timer.Reset(step)
	return limited, func() {
		timer.Stop()
		cancel(nil)
	}
}
