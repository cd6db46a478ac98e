// SPDX-License-Identifier: Apache-2.0

package wait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOwnTimeIsTheTimeWhereTimersFireInTime(t *testing.T) {
	for _, d := range []time.Duration{1, 7, time.Millisecond, 333333333, time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			began, why := time.Now(), errors.New("late")
			limited, cancel := WithOwnTime(t.Context(), d, why)
			defer cancel()
			<-limited.Done()
			if took := time.Since(began); took != d || context.Cause(limited) != why {
				t.Errorf("%v: it took %v: %v", d, took, context.Cause(limited))
			}
			early, cancel := WithOwnTime(t.Context(), d, why)
			cancel()
			if err := context.Cause(early); !errors.Is(err, context.Canceled) {
				t.Errorf("%v: ended early with %v", d, err)
			}
		})
	}
}

func TestOwnTimeCountsOnlyWhatTheProcessWasAbleToRun(t *testing.T) {
	const asked, step = time.Second, time.Second / ownTimeSteps
	for name, tt := range map[string]struct {
		late func(i int) time.Duration // by how much step i fires late
		want time.Duration
	}{
		"in time":                 {func(int) time.Duration { return 0 }, asked},
		"a quarter of a CPU":      {func(int) time.Duration { return 75 * time.Millisecond }, asked + ownTimeSteps*75*time.Millisecond},
		"stopped at the start":    {at(0, time.Minute), asked + time.Minute},
		"stopped at the end":      {at(ownTimeSteps-1, time.Minute), asked + step + time.Minute},
		"stopped twice":           {func(i int) time.Duration { return at(3, time.Hour)(i) + at(4, time.Hour)(i) }, asked + 2*time.Hour},
		"never in time":           {func(int) time.Duration { return 450 * time.Millisecond }, OwnTimeMax * asked},
		"stopped again and again": {func(int) time.Duration { return time.Minute }, 10 * (step + time.Minute)},
	} {
		began := time.Now()
		now, over := began, false
		var own OwnTime
		wait := own.Start(asked, now)
		for i := 0; !over; i++ {
			now = now.Add(wait + tt.late(i))
			wait, over = own.Next(now)
		}
		if took := now.Sub(began); took != tt.want {
			t.Errorf("%s: a second takes %v, want %v", name, took, tt.want)
		}
	}
}

// at returns a lateness of d at step n only.
func at(n int, d time.Duration) func(i int) time.Duration {
	return func(i int) time.Duration {
		if i == n {
			return d
		}
		return 0
	}
}
