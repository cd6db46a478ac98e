// SPDX-License-Identifier: Apache-2.0

// Package member looks after the endpoints of one connection. It dials them, checks whether their members are well, puts
// their links into the rotation and takes them out, and reconnects them forever.
//
// Its files depend on each other in one direction. From below: an address and how it is dialled (address.go, eyeballs.go,
// race.go), what is below gRPC (wire.go, metered.go, lateacks.go, way.go), a line to it and the gRPC client that has the line
// (line.go, balance.go, channel.go, pool.go, dial.go), a transport and what its member says (transport.go, login.go, token.go,
// check.go), how soon it answers (speed.go), its terms of service (link.go) and the set of those that take requests
// (rotation.go), an endpoint (phase.go, endpoint.go) and its ways into service and out of it (service.go), the attempts to
// connect it (connect.go), its keeper (pace.go, keep.go, random.go), all of them together (set.go).
package member

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"
	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/life"
)

// Config holds what the endpoints of one connection have in common.
type Config struct {
	Connection     string // its name, for the log
	Life           *life.Life
	Random         bool        // one endpoint at a time, instead of all
	TLS            *tls.Config // nil: endpoints are in the clear, unless their address says otherwise
	Files          *TLSFiles   // of which TLS is the first reading; nil: there are none
	Tokens         *Tokens     // nil without credentials
	ConnectTimeout time.Duration
	LoginTimeout   time.Duration // bounds an authentication
	CheckInterval  time.Duration
	SignOfLife     time.Duration // how long to wait for one
	Backoff        func() backoff.BackOff
	Log            *slog.Logger
	Dial           []grpc.DialOption
	Network        Network
	Tell           func(Snapshot) // called with each endpoint's first state and with every change of it; must not block
}

// backoff returns a new backoff for one loop.
func (c *Config) backoff() backoff.BackOff {
	if b := c.Backoff(); b != nil {
		return b
	}
	return Reconnection()
}

// attemptTimeout bounds one whole attempt to connect.
func (c *Config) attemptTimeout() time.Duration {
	if c.Tokens == nil {
		return c.ConnectTimeout
	}
	return 2*c.ConnectTimeout + c.LoginTimeout
}
