// SPDX-License-Identifier: Apache-2.0

// Package soak says how long a test with faults lasts, and how much it measures.
package soak

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// On reports whether the tests may take their full time, because $EETCD_FAULT_SECONDS is 60 or more.
func On() bool {
	seconds, _ := strconv.Atoi(os.Getenv("EETCD_FAULT_SECONDS"))
	return seconds >= 60
}

// Length returns the usual length of a test, or $EETCD_FAULT_SECONDS.
func Length(t *testing.T, usual time.Duration) time.Duration {
	t.Helper()
	given := os.Getenv("EETCD_FAULT_SECONDS")
	if given == "" {
		return usual
	}
	seconds, err := strconv.Atoi(given)
	if err != nil || seconds < 1 {
		t.Fatalf("EETCD_FAULT_SECONDS=%q: want a number of seconds", given)
	}
	return time.Duration(seconds) * time.Second
}
