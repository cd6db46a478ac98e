// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/member"
)

// Open opens a connection to a cluster under a name and looks after it until [Close]. Requests reach it by that name.
// An empty name makes a unique one; see [Conn.Name]. A name means what is open under it now: once it is closed and opened
// for another cluster, requests of goroutines that were forgotten go there. Libraries use unnamed connections, or [Share].
//
// Endpoints are host:port, [::1]:port, http://host:port, https://host:port (over TLS with or without [WithTLS]),
// unix:///path or unixs:///path (over TLS; the server proves the name localhost). The case of scheme and host, a slash at
// the end and the form of an IP address make no difference. A user and a password belong in [WithCredentials]: an endpoint with
// them is refused, and no error or log tells them.
//
// Open waits for the first verdict of each endpoint: the connect timeout (1 s by default), and where the password is to be
// checked the default timeout (5 s) as well, or until parent ends. Once an endpoint serves, it waits for the others no longer
// than two connect timeouts. It succeeds when one is Active, since a member that knows a leader proves that the cluster has
// a majority; the others are Frozen and reconnected. It also succeeds when all that answers are members without a leader or
// learners, so that what needs no leader can be had of them, such as serializable reads and a snapshot. parent bounds the
// opening only.
//
// It returns ErrAlreadyOpen, ErrEndpoint, ErrOption (each with every fault found), or ErrUnavailable with the reason of
// each endpoint; then nothing is left behind. It is safe for concurrent use. It calls grpc.health.v1.Health/Check and
// Maintenance/Status on each endpoint.
func Open(parent context.Context, name string, endpoints []string, opts ...Option) (*Conn, error) {
	if parent == nil {
		return nil, connerr.ErrNilContext
	}
	o, optErr := newOptions(opts)
	addresses, err := member.ParseAddresses(endpoints, o.TLS != nil)
	if err := connerr.All(optErr, err); err != nil {
		return nil, err
	}
	e, err := engine.Open(parent, name, addresses, o.config(), func(e *engine.Conn) any { return &Conn{e} })
	if err != nil {
		return nil, err
	}
	return faceOf(e), nil
}

// faceOf is what users see of a connection.
func faceOf(e *engine.Conn) *Conn { return e.Face.(*Conn) }

// Close closes the connection open under a name; see [Conn.Close]. It returns ErrNotOpen where there is none. It is
// safe for concurrent use.
func Close(name string) error {
	c, err := Lookup(name)
	if err != nil {
		return err
	}
	return c.Close()
}

// Lookup returns the connection open under a name, or ErrNotOpen. It takes no lock and is safe for concurrent use.
func Lookup(name string) (*Conn, error) {
	e, err := engine.Lookup(name)
	if err != nil {
		return nil, err
	}
	return faceOf(e), nil
}
