// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/member"
)

// Open opens a connection to a cluster under a name, and keeps it up until [Close]. Requests find it by that name. An
// empty name makes a unique one; see [Conn.Name]. If a name is closed and opened again for another cluster, requests
// that still use the name go there. So libraries use unnamed connections, or [Share].
//
// Endpoints are host:port, [::1]:port, [fe80::1%eth0]:port (with %25 in a URL), http://host:port, https://host:port
// (over TLS with or without [WithTLS]), unix:///path or unixs:///path (over TLS; the server proves the name localhost,
// or ServerName of [WithTLS]). Upper and lower case of scheme and host, a slash at the end, and the form of an IP address
// make no difference. User and password belong in [WithCredentials]. Open refuses an endpoint that holds them, and no
// error or log shows them.
//
// Open waits for the first check of each endpoint. A check takes at most the connect timeout (1 s by default), and an
// authentication the default timeout (5 s) in addition. Once one endpoint serves, Open waits for the others at most two
// connect timeouts. parent bounds Open only, not the connection.
//
// Open succeeds when one endpoint is Active: a member that knows a leader proves that the cluster has a majority. The
// other endpoints are Frozen, and are redialled. Open also succeeds if only members without a leader, or learners,
// answer. They serve requests that need no leader, such as serializable reads and snapshots.
//
// It returns ErrAlreadyOpen; ErrEndpoint or ErrOption, which name every fault found; or ErrUnavailable with the reason of
// each endpoint. If parent ends first, it returns parent's error. That error is also ErrUnavailable if no endpoint is
// Active yet. After an error nothing stays open. Open is safe for concurrent use. It calls grpc.health.v1.Health/Check and
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
	e, err := engine.Open(parent, name, addresses, o.config(), func(e *engine.Conn) any { return &Conn{engine: e} })
	if err != nil {
		return nil, err
	}
	return faceOf(e), nil
}

// faceOf returns the public part of a connection.
func faceOf(e *engine.Conn) *Conn { return e.Face.(*Conn) }

// Close closes the connection that is open under a name; see [Conn.Close]. It returns ErrNotOpen if there is none. It
// is safe for concurrent use.
func Close(name string) error {
	c, err := Lookup(name)
	if err != nil {
		return err
	}
	return c.Close()
}

// Lookup returns the connection that is open under a name, or ErrNotOpen. It takes no lock and is safe for concurrent
// use.
func Lookup(name string) (*Conn, error) {
	e, err := engine.Lookup(name)
	if err != nil {
		return nil, err
	}
	return faceOf(e), nil
}
