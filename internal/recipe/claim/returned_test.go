// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/internal/report"
)

func TestReturnedClaimsAreBoundedAndTheOldestIsForgotten(t *testing.T) {
	var r returned
	now := time.Now()
	for i := range 2 * returnedMax {
		r.add(fmt.Sprint(i), report.Claim{Rev: int64(i + 1), Since: now.Add(time.Duration(i))})
	}
	all := r.all()
	if len(all) != returnedMax {
		t.Errorf("%d are kept", len(all))
	}
	for _, c := range all {
		if c.Rev <= returnedMax {
			t.Errorf("the one of revision %d is kept", c.Rev)
		}
	}
	last := fmt.Sprint(2*returnedMax - 1)
	if r.remove(last, 1); len(r.all()) != returnedMax {
		t.Error("a claim of another revision was removed")
	}
	r.remove(last, 2*returnedMax)
	r.remove(fmt.Sprint(returnedMax), 0)
	if len(r.all()) != returnedMax-2 {
		t.Error("a claim was not removed")
	}
}
