// SPDX-License-Identifier: Apache-2.0

// Package conn opens connections to etcd clusters. A connection has a name, and requests go by that name. It looks after itself
// until it is closed.
//
//	c, err := conn.Open(ctx, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	_, err = kv.Put(ctx, kv.New("registry").WithKey("k").WithValue("v"))
//
// Each endpoint has a gRPC connection of its own. It is Active while its member answers, is healthy and knows a
// leader. Otherwise it is Frozen: it gets no requests, and is reconnected with exponential backoff, forever.
// Requests go to the Active endpoints in turn. They are retried as far as that is safe: see [Conn.Invoke].
//
// Its counterparts in eetcd are open, close and info of the module eetcd: see docs/eetcd.md.
package conn

import (
	"context"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// Conn is an open connection. It implements [grpc.ClientConnInterface], so that generated stubs work on it. All its
// methods are safe for concurrent use.
type Conn struct{ engine *engine.Conn }

var _ grpc.ClientConnInterface = (*Conn)(nil)

// Name returns the name that the connection is registered under.
func (c *Conn) Name() string { return c.engine.Name() }

// Info returns a snapshot of the connection's endpoints, sorted by address. It never blocks.
func (c *Conn) Info() []Endpoint { return endpointsOf(c.engine) }

// WaitReady waits until at least one endpoint is Active. It returns ErrClosed when the connection closes meanwhile, and
// an error that wraps ErrUnavailable and parent's error when parent ends first.
func (c *Conn) WaitReady(parent context.Context) error { return c.engine.WaitReady(parent) }

// Invoke makes a unary call on an Active endpoint, the next in turn, or on the one of [OnEndpoint]. It is what every
// request of this SDK goes through; generated stubs may be used on it directly.
//
// A read that fails on its way, or that a member cannot serve now, is retried on another endpoint until the deadline. A
// read that is not answered within 500 ms (WithHedgeDelay) is sent to a second endpoint as well. A write is retried only
// when it was not sent, or turned away before it was proposed: a write that may have been applied is returned as
// etcderr.Unknown and never sent twice. Retries are paced, and bounded over the connection.
//
// The deadline is parent's, or that of [Within], whichever is earlier; where neither is set, 5 s ([WithDefaultTimeout]). Calls
// that wait for others (Lock, Campaign) or for a whole database (Defragment, Hash, HashKV) have none by default. With no
// Active endpoint the call waits for one, until its deadline or until the outage has lasted for the patience of the
// connection ([WithPatience]); then it fails with ErrUnavailable and the reason of each endpoint, and with the context's
// error where that ended the wait. On a closed connection it is ErrClosed; OnEndpoint of an unknown endpoint is
// ErrEndpoint. Every other failure is an [*github.com/eetcd-go/eetcd/etcderr.Error].
func (c *Conn) Invoke(parent context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.engine.Invoke(parent, method, args, reply, opts...)
}

// NewStream opens a stream on an Active endpoint, the next in turn, or on the one of [OnEndpoint]. The stream lives as
// long as parent; it ends early, with the reason, when its endpoint freezes or the connection closes. It is not retried:
// what can be resumed is for the caller to know. [Within] bounds its creation. With no Active endpoint it waits for one as
// [Conn.Invoke] does, whose errors it has.
func (c *Conn) NewStream(parent context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.engine.NewStream(parent, desc, method, opts...)
}

// Sync makes the connection's endpoints those of the cluster's members, now: the client URLs in the member list, of voting
// members that have started. New endpoints are connected first; if none of all that remain is Active by then, nothing
// changes. Then those that are no member's any more are retired: they take no further requests, calls under way on them go
// on, and streams move to another. A state listener hears of a retired endpoint as Frozen, once.
//
// The member list is the truth: it replaces endpoints given to Open that are spelled otherwise than the members advertise
// themselves, such as a load balancer's. But an Active endpoint stays where its member cannot be reached by the URLs that it
// advertises. An endpoint with the same address is kept as it is, and so is its spelling. A member with several client URLs
// is one endpoint, under the one that is in use already or else the first, and is reached by whichever answers. A URL in
// the clear is skipped with a warning on a connection over TLS, and the other way round. Servers of 3.4 answer from what
// one member knows.
//
// It returns ErrUnavailable where there is no member to ask, or none that can be used, ErrClosed, or an
// [*github.com/eetcd-go/eetcd/etcderr.Error]. It calls Cluster/MemberList, and is safe for concurrent use. See
// [WithAutoSync].
func (c *Conn) Sync(parent context.Context) error { return c.engine.Sync(parent) }

// SetEndpoints makes these the connection's endpoints, as [Conn.Sync] does with the member list, for endpoints that are
// known by other means, such as DNS or Kubernetes. New ones are connected first; if none of all that are given is Active by
// then, nothing changes and it returns ErrUnavailable with the reason of each. Then those that are not given any more are
// retired. In mode Random the endpoint in use stays so if it is among them; otherwise each of them is tried for the connect
// timeout, and the first that answers is used next. The forms are those of [Open].
//
// A malformed endpoint, or none, is ErrEndpoint. On a connection with [WithAutoSync], which would undo it, it is ErrOption.
// On a closed connection it returns ErrClosed. It sends no request but the checks of new endpoints, and is safe for
// concurrent use.
func (c *Conn) SetEndpoints(parent context.Context, endpoints []string) error {
	return c.engine.SetEndpoints(parent, endpoints)
}

// Close closes the connection and frees its name. It refuses new calls, ends streams and the calls under way with
// ErrClosed, joins the connection's goroutines and closes its sockets. That is done at once in every state. An error says
// what has not ended: a state listener that does not return within 1 s, or a function of the dial options or the logger that
// does not within 5 s. Later calls return the same.
func (c *Conn) Close() error { return c.engine.Close() }
