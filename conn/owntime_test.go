// SPDX-License-Identifier: Apache-2.0

package conn

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
			limited, cancel := withOwnTime(t.Context(), d, why)
			defer cancel()
			<-limited.Done()
			if took := time.Since(began); took != d || context.Cause(limited) != why {
				t.Errorf("%v: it took %v: %v", d, took, context.Cause(limited))
			}
			early, cancel := withOwnTime(t.Context(), d, why)
			cancel()
			if err := context.Cause(early); !errors.Is(err, context.Canceled) {
				t.Errorf("%v: ended early with %v", d, err)
			}
		})
	}
}
