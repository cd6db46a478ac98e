// SPDX-License-Identifier: Apache-2.0

package wait

import (
	"context"
	"sync"
	"time"
)

// OwnTime counts time in which this process was able to run. Waits for a member's answer use it: in a process with
// little CPU, or that was stopped, an answer may have arrived unread, and the member is not to blame. OwnTime counts
// timers of a short step. A timer that fires late counts as one step.
type OwnTime struct {
	asked  time.Duration
	passed time.Duration // of the steps so far
	spent  time.Duration // by the clock; a step counts at most its length
	step   time.Duration // under way
	began  time.Time     // when that began
}

const (
	// ownTimeSteps is the number of steps of a time, each of ownTimeStepMin at least.
	ownTimeSteps   = 20
	ownTimeStepMin = 5 * time.Millisecond
	// OwnTimeMax bounds how many times longer than asked a wait may take, not counting stops of the process.
	OwnTimeMax = 10
	// ownTimeLate is how late the last step may be. After a longer stop one more step follows, for what has arrived
	// meanwhile. The CPU quota of a container makes timers up to 100 ms late.
	ownTimeLate = 100 * time.Millisecond
)

// Start begins to count, and returns the time after which to call Next.
func (o *OwnTime) Start(asked time.Duration, now time.Time) time.Duration {
	*o = OwnTime{asked: asked, began: now}
	o.step = min(max(asked/ownTimeSteps, ownTimeStepMin), asked)
	return o.step
}

// Next counts the step that is over, and returns the length of the next one. over is true once the time has passed.
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

// WithOwnTime is context.WithTimeoutCause in the process's own time.
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
