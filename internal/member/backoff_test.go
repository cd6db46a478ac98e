// SPDX-License-Identifier: Apache-2.0

package member

import (
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
)

func TestReconnectPauseDoublesFrom200msTo25sAndStartsAgain(t *testing.T) {
	b := Reconnection()
	for round := range 3 {
		want := 200 * time.Millisecond
		for range 8 {
			got := nextWait(b)
			if low, high := want*8/10, want*12/10+time.Millisecond; got < low || got > high {
				t.Errorf("round %d: waits %v, want %v with a jitter of 20 %%", round, got, want)
			}
			want *= 2
		}
	}
	nextWait(b)
	nextWait(b)
	b.Reset()
	if got := nextWait(b); got > 240*time.Millisecond+1 {
		t.Errorf("waits %v after a reset", got)
	}
}

func TestReconnectionGoesOnAfterTheBackoffStops(t *testing.T) {
	b := backoff.WithMaxRetries(backoff.NewConstantBackOff(time.Millisecond), 2)
	for i := range 10 {
		if got := nextWait(b); got != time.Millisecond {
			t.Fatalf("wait %d is %v", i, got)
		}
	}
	if got := nextWait(&backoff.StopBackOff{}); got <= 0 {
		t.Errorf("a backoff that only stops gives a wait of %v: a busy loop", got)
	}
}
