// SPDX-License-Identifier: Apache-2.0

package onecluster

import (
	"testing"
	"time"
)

// Eventually tries again and again until there is no error. The test fails with the last one if that takes longer than within. What
// names the thing that is awaited.
func Eventually(t testing.TB, within time.Duration, what string, try func() error) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Since(began) > within {
			t.Fatalf("%s: not within %v: %v", what, within, err)
		}
	}
}
