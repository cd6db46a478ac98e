// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/render"
)

func TestUnboundDropsConnectionTimeoutAndEndpoint(t *testing.T) {
	asked := ctx.Key("a").WithPrefix().WithLimit(3)
	sent := asked.WithConn("registry").WithTimeout(time.Second).WithEndpoint("a:1")
	if got := render.Unbound(sent); got != asked {
		t.Errorf("got %v, want %v", got, asked)
	}
}
