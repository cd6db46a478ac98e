// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

func TestQuantilesAreExactToASixteenth(t *testing.T) {
	var w waits
	for i := range 1000 {
		w.note(time.Duration(i+1) * 37 * time.Microsecond)
	}
	for share, want := range map[float64]time.Duration{0.5: 500 * 37 * time.Microsecond, 0.99: 990 * 37 * time.Microsecond} {
		if got := w.quantile(share); got < want || got > want+want/8 {
			t.Errorf("%v of the calls took at most %v, want %v", share, got, want)
		}
	}
	if got := new(waits).quantile(0.5); got != 0 {
		t.Errorf("no call took %v", got)
	}
}
