// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/outage"
)

const (
	longOutage  = 14 * time.Second // by when the pause between two attempts would have grown to 12 s
	returnBound = 5 * time.Second  // generous, since the machine may be busy; returnbench has the figures
)

// TestCallsSucceedSoonAfterALongOutage also prints the cost of the same outage for callers of clientv3, and how soon
// calls fail during it.
func TestCallsSucceedSoonAfterALongOutage(t *testing.T) {
	r, err := outage.Measure(t.Context(), etcdtest.Start(t), longOutage)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("first success after %v, of clientv3 after %v; %d calls failed, once the patience was over after %v at most; "+
		"a lease without time ended, as its keeper said %v later",
		r.Eetcd, r.ClientV3, r.Failed, r.SlowestFailure, r.Told)
	if r.Eetcd > returnBound {
		t.Errorf("first success %v after the member's return", r.Eetcd)
	}
	if r.Failed == 0 || r.SlowestFailure > failWithin {
		t.Errorf("%d calls failed, the slowest after %v; want all to fail at once", r.Failed, r.SlowestFailure)
	}
	if r.Kept != nil {
		t.Errorf("the lease with time left was lost: %v", r.Kept)
	}
	if r.Told < -grace || r.Told > returnBound {
		t.Errorf("the keeper of the lease without time said so %v after its end", r.Told)
	}
}
