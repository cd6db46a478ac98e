// SPDX-License-Identifier: Apache-2.0

// Package conn opens connections to etcd clusters. A connection has a name, and requests go by that name. It reconnects
// by itself until it is closed.
//
//	c, err := conn.Open(ctx, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	_, err = kv.Put(ctx, kv.New("registry").WithKey("k").WithValue("v"))
//
// Each endpoint has its own gRPC connection. It is Active while its member answers, is healthy and knows a leader.
// Otherwise it is Frozen: it gets no requests, and the connection redials it forever, with exponential backoff.
// Requests go to the Active endpoints in turn, and reads that travel together to the leader: see [WithoutBatching]. They are
// retried where that is safe: see [Conn.Invoke].
//
// Its counterparts in eetcd are open, close and info of the module eetcd: see docs/eetcd.md.
package conn

import (
	"context"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// Conn is an open connection, which [Open], [Share] or [Conn.Namespace] returns. It implements [grpc.ClientConnInterface], so
// generated stubs work on it. All its methods are safe for concurrent use. On a nil Conn, and on the zero Conn, calls return
// ErrNotOpen, and Close does nothing.
type Conn struct {
	engine *engine.Conn
	prefix string // of all keys, in a namespace
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// open reports whether c comes from this package. It is closed later at most.
func (c *Conn) open() bool { return c != nil && c.engine != nil }

// Name returns the name that the connection is registered under.
func (c *Conn) Name() string {
	if !c.open() {
		return ""
	}
	return c.engine.Name()
}

// Info returns a snapshot of the connection's endpoints, sorted by address. It never blocks.
func (c *Conn) Info() []Endpoint {
	if !c.open() {
		return nil
	}
	return endpointsOf(c.engine)
}

// WaitReady waits until at least one endpoint is Active. It returns ErrClosed if the connection closes meanwhile. If
// parent ends first, it returns an error that wraps ErrUnavailable and parent's error.
func (c *Conn) WaitReady(parent context.Context) error {
	if !c.open() {
		return ErrNotOpen
	}
	return c.engine.WaitReady(parent)
}

// Invoke makes a unary call, for generated stubs. It uses the next Active endpoint in turn, or the one of [OnEndpoint]. Reads that
// travel together go to the leader: see [WithoutBatching]. Every request of this SDK works in the same way.
//
// A read that fails on the network, or that a member cannot serve now, is retried on another endpoint until the
// deadline. If a read has no answer within 500 ms ([WithHedgeDelay]), it is sent to a second endpoint as well, again
// while that fails in a way that passes, and the first answer wins. A write is retried only if it was not sent, or was
// refused before it was proposed. A write that may have been applied has the outcome etcderr.Unknown, and is never sent
// twice. Pauses and a budget of the connection limit the retries. A grpc.OnFinish among opts runs at the end of each attempt, so it must not cancel parent.
//
// The deadline is parent's or that of [Within], whichever is earlier. Without either it is 5 s ([WithDefaultTimeout]).
// Calls that wait for other clients (Lock, Campaign) or work on a whole database (Defragment, Hash, HashKV) have no
// deadline by default.
//
// While no endpoint is Active, the call waits for one. It waits until its deadline, or until the outage has lasted for
// the connection's patience ([WithPatience]). Then it returns ErrUnavailable with the reason of each endpoint, and with
// the context's error if that ended the wait. On a closed connection it returns ErrClosed. For an unknown address in
// OnEndpoint it returns ErrEndpoint. Every other error is an *etcderr.Error.
func (c *Conn) Invoke(parent context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if !c.open() {
		return ErrNotOpen
	}
	return c.engine.Invoke(parent, method, args, reply, opts...)
}

// NewStream opens a stream, for generated stubs. It uses the next Active endpoint in turn, or the one of [OnEndpoint].
// The stream lasts as long as parent. It ends early, with the reason, when its endpoint freezes or the connection
// closes. It is not retried, since only the caller knows how to resume it. [Within] bounds its creation. Without an
// Active endpoint it waits, and returns the errors, as [Conn.Invoke] does.
func (c *Conn) NewStream(
	parent context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if !c.open() {
		return nil, ErrNotOpen
	}
	return c.engine.NewStream(parent, desc, method, opts...)
}

// Sync replaces the connection's endpoints by the client URLs in the cluster's member list, of all voting members that have
// started. It connects new endpoints first. If no endpoint of the new set is Active then, nothing changes. Then it retires
// each endpoint that no member of the list has: retired endpoints take no further requests, calls under way on them finish,
// and streams move to another endpoint. A state listener gets each retired endpoint once more, as Frozen.
//
// Sync also removes an endpoint that was given to Open if no member advertises it, such as the address of a load
// balancer. One exception: an Active endpoint stays if its member cannot be reached by the URLs that it advertises. An
// endpoint with the same address stays as it is, and keeps its spelling. A member with several client URLs is one
// endpoint. Its name is the URL in use, or else the first one, and whichever URL answers is used. URLs without TLS are
// skipped with a warning on a connection with TLS, and the other way round. A member of etcd 3.4 answers from its own
// copy of the list, which may be old.
//
// Sync returns ErrUnavailable if no member answers or if no member of the list can be used. It also returns ErrClosed,
// or an *etcderr.Error. It calls Cluster/MemberList, and is safe for concurrent use. See [WithAutoSync].
func (c *Conn) Sync(parent context.Context) error {
	if !c.open() {
		return ErrNotOpen
	}
	return c.engine.Sync(parent)
}

// SetEndpoints replaces the connection's endpoints by these, for programs that learn them from DNS, Kubernetes or
// another source. The forms are those of [Open]. Like [Conn.Sync] it connects new endpoints first, and retires the
// others afterwards. If none of the given endpoints is Active then, nothing changes, and it returns ErrUnavailable with
// the reason of each. In mode Random the endpoint in use stays if it is among them. Otherwise each of them is tried
// within the connect timeout, and the first one that answers is used next.
//
// It returns ErrEndpoint for a malformed endpoint or an empty list, ErrOption on a connection with [WithAutoSync],
// which would undo the change, and ErrClosed on a closed connection. It sends only the checks of new endpoints. It is
// safe for concurrent use.
func (c *Conn) SetEndpoints(parent context.Context, endpoints []string) error {
	if !c.open() {
		return ErrNotOpen
	}
	return c.engine.SetEndpoints(parent, endpoints)
}

// Close closes the connection and frees its name. It refuses new calls, and ends streams and calls under way with
// ErrClosed. It waits for the connection's goroutines and closes its sockets. That takes only a moment, unless a function
// of yours does not return. Then the error names it: a state listener after 1 s, and a dial option, the logger or the
// credentials after 5 s. Later calls return the same error.
func (c *Conn) Close() error {
	if !c.open() {
		return nil
	}
	return c.engine.Close()
}
