// SPDX-License-Identifier: Apache-2.0

package wait

import (
	"context"
	"sync"
	"time"
)

// OwnTime is time in which this process has been able to run. What it waits for a member's answer is counted so: where the
// process has little CPU, or was stopped, an answer may be there that nobody has read yet, and the member must not pay for
// that. It counts timers of a short step, of which one that fires late counts once.
type OwnTime struct {
	asked  time.Duration
	passed time.Duration // of the steps so far
	spent  time.Duration // by the clock, of one step no more than asked
	step   time.Duration // under way
	began  time.Time     // when that began
}

const (
	// ownTimeSteps is into how many steps a time is divided, of ownTimeStepMin at least.
	ownTimeSteps   = 20
	ownTimeStepMin = 5 * time.Millisecond
	// OwnTimeMax is how many times longer than asked for it may take, beside the times of a stopped process.
	OwnTimeMax = 10
	// ownTimeLate is how late the last step may be. After a longer stop there is another one, for what has come meanwhile.
	// The CPU quota of a container makes timers up to a tenth of a second late.
	ownTimeLate = 100 * time.Millisecond
)

// Start begins to count, and returns after what time to call next.
func (o *OwnTime) Start(asked time.Duration, now time.Time) time.Duration {
	*o = OwnTime{asked: asked, began: now}
	o.step = min(max(asked/ownTimeSteps, ownTimeStepMin), asked)
	return o.step
}

// Next counts the step that is over, and returns how long the next one lasts; over is true once the time has passed.
func (o *OwnTime) Next(now time.Time) (step time.Duration, over bool) {
	took := now.Sub(o.began)
	o.passed += o.step
	o.spent += min(took, o.asked)
	if o.passed >= o.asked && took-o.step <= ownTimeLate || o.spent >= OwnTimeMax*o.asked {
		return 0, true
	}
	if left := o.asked - o.passed; left > 0 {
		o.step = min(o.step, left)
	}
	o.began = now
	return o.step, false
}

// WithOwnTime is context.WithTimeoutCause in a process's own time.
func WithOwnTime(parent context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithCancelCause(parent)
	var own OwnTime
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(own.Start(d, time.Now()), func() {
		mu.Lock()
		defer mu.Unlock()
		if limited.Err() != nil {
			return
		}
		step, over := own.Next(time.Now())
		if over {
			cancel(cause)
			return
		}
		timer.Reset(step)
	})
	return limited, func() {
		timer.Stop()
		cancel(nil)
	}
}
