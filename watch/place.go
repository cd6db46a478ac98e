// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// place is where a watch belongs: on which endpoint, and on what kind of stream.
type place struct {
	endpoint string
	pinned   bool // to that endpoint
	alone    bool // on a stream of its own
	paced    bool // on a stream of its own that is not read while the buffer of the watch is full
}

// route is the route over a connection to the servers at that place.
func (p place) route(c *engine.Conn) wire.Route {
	if !p.pinned {
		return wire.Route{Conn: c}
	}
	return wire.Route{Conn: c}.At(p.endpoint)
}
