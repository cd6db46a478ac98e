// SPDX-License-Identifier: Apache-2.0

package wait_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/internal/wait"
)

func TestForWaitsForTheTimeOrTheEndOfTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !wait.For(t.Context(), time.Second) || time.Since(began) != time.Second {
			t.Errorf("it took %v", time.Since(began))
		}
		ending, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if wait.For(ending, time.Minute) || time.Since(began) != time.Second {
			t.Errorf("a context that ended after a second was waited for %v", time.Since(began))
		}
		if wait.For(ending, 0) {
			t.Error("there is time after the end of the context")
		}
	})
}
