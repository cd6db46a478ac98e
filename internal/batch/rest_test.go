// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGoroutineOfATripMakesTheNextOneUntilItHasRestedOrTheConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		life, end := context.WithCancel(t.Context())
		var made, running atomic.Int64
		c := s.config()
		c.Go = func(f func(context.Context)) error {
			made.Add(1)
			running.Add(1)
			go func() {
				f(life)
				running.Add(-1)
			}()
			return nil
		}
		b := New(c)
		want := func(wantMade, wantRunning int64) {
			t.Helper()
			synctest.Wait()
			if made.Load() != wantMade || running.Load() != wantRunning {
				t.Errorf("%d goroutines were made, and %d run; want %d and %d", made.Load(), running.Load(), wantMade, wantRunning)
			}
		}
		s.together(t, b, names(1+opsMax)...)
		want(1, 1)
		s.together(t, b, names(1+opsMax)...)
		want(1, 1)
		time.Sleep(2 * restMost)
		want(1, 0)
		s.together(t, b, names(1+opsMax)...)
		want(2, 1)
		end()
		want(2, 0)
	})
}
