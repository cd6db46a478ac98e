// SPDX-License-Identifier: Apache-2.0

package sealed_test

import (
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

func TestAccessorsTellAnEmptyArgumentFromNone(t *testing.T) {
	if d, given := sealed.Ctx(ctx.Ctx{}).Timeout(); given || d != 0 {
		t.Errorf("no timeout: %v, %v", d, given)
	}
	if d, given := sealed.Ctx(ctx.Ctx{}.WithTimeout(0)).Timeout(); !given || d != 0 {
		t.Errorf("timeout of 0: %v, %v", d, given)
	}
	if e, given := sealed.Ctx(ctx.Ctx{}).Endpoint(); given || e != "" {
		t.Errorf("no endpoint: %q, %v", e, given)
	}
	if e, given := sealed.Ctx(ctx.Ctx{}.WithEndpoint("")).Endpoint(); !given || e != "" {
		t.Errorf("empty endpoint: %q, %v", e, given)
	}
	c := sealed.Ctx(ctx.New("registry").WithTimeout(time.Minute).WithEndpoint("a:1").WithLease(7).WithSerializable().
		WithLimit(3).WithKey("k").WithRev(9))
	d, _ := c.Timeout()
	e, _ := c.Endpoint()
	if c.Conn() != "registry" || d != time.Minute || e != "a:1" || c.Lease() != 7 || c.Limit() != 3 || !c.Serializable() ||
		c.Key() != "k" || c.Rev() != 9 {
		t.Errorf("accessors of %v do not return what was given", ctx.Ctx(c))
	}
}
