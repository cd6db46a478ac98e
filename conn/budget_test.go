// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The budget bounds requests that are sent. A read that no other endpoint can take is not sent twice.
func TestReadsThatNobodyElseCanTakeKeepTheirBudgetForRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, []*member{m})
		m.answerKV(func(parent context.Context) error { <-parent.Done(); return nil })
		var reads sync.WaitGroup
		for range 800 {
			reads.Go(func() {
				if _, err := get(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(700 * time.Millisecond) // beyond the hedge delay
		m.answerKV(nil)
		m.Drop()
		began := time.Now()
		reads.Wait()
		if took := time.Since(began); took > time.Second {
			t.Errorf("the reads were answered after %v", took)
		}
	})
}
