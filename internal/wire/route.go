// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Route says where a request goes, and how long it may take.
type Route struct {
	Conn *engine.Conn
	call.Target
}

// RouteOf finds the route that c names. It returns conn.ErrNotOpen where no connection of that name is open.
func RouteOf(c ctx.Ctx) (Route, error) {
	to, err := engine.Lookup(sealed.Ctx(c).Conn())
	if err != nil {
		return Route{}, err
	}
	r := Route{Conn: to}
	r.Endpoint, r.Pinned = sealed.Ctx(c).Endpoint()
	r.Timeout, _ = sealed.Ctx(c).Timeout()
	return r, nil
}

// At is the route to one endpoint of the connection.
func (r Route) At(endpoint string) Route {
	r.Endpoint, r.Pinned = endpoint, true
	return r
}
