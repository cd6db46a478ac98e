// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnectionsThatComeAndGoAreForgottenWithoutACollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r roll
		for i := range 100_000 {
			r.see(fmt.Sprintf("eetcd-%d", i))
			time.Sleep(forgetAfter / sweepMin)
		}
		if n := len(r.seen); n > 4*sweepMin {
			t.Errorf("%d are remembered", n)
		}
	})
}
