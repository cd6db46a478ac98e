// SPDX-License-Identifier: Apache-2.0

package wait_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/internal/wait"
)

func TestPausesDoubleUpToTwoSecondsAndBeginAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p wait.Pause
		check := func(want time.Duration) {
			t.Helper()
			began := time.Now()
			if !p.Sleep(t.Context()) {
				t.Fatal("the pause reports the end of a context that has not ended")
			}
			if got := time.Since(began); got < want/2 || got >= want*3/2 {
				t.Errorf("the pause was %v, want %v plus or minus one half", got, want)
			}
		}
		for _, want := range []time.Duration{50, 100, 200, 400, 800, 1600, 2000, 2000} {
			check(want * time.Millisecond)
		}
		p.Reset()
		check(50 * time.Millisecond)
	})
}

func TestPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p wait.Pause
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if p.Sleep(ctx) {
			t.Error("the pause reports that it has passed after the end of its context")
		}
	})
}
