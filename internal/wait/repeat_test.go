// SPDX-License-Identifier: Apache-2.0

package wait_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/internal/wait"
)

func TestRepeatCallsUntilStoppedAndStopWaitsForACallUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		finish, started := make(chan struct{}), make(chan struct{})
		stop := wait.Repeat(time.Second, func() time.Duration {
			if at = append(at, time.Since(began)); len(at) == 3 {
				close(started)
				<-finish
				at = append(at, time.Since(began))
			}
			return time.Duration(len(at)) * time.Second
		})
		<-started
		time.AfterFunc(time.Second, func() { close(finish) })
		stop()
		time.Sleep(time.Minute)
		want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second}
		if len(at) != len(want) {
			t.Fatalf("calls at %v, want %v", at, want)
		}
		for i := range want {
			if at[i] != want[i] {
				t.Errorf("calls at %v, want %v", at, want)
			}
		}
	})
}
