// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/keepalive"
)

const (
	// Pings go out only while calls are under way: servers answer pings on idle connections with too_many_pings.
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 5 * time.Second
	userAgent        = "eetcd-go"

	// What a server may send ahead of its reader. gRPC's default is to start at 64 KiB and to grow to at most 16 MiB by
	// measuring, which costs a ping for nearly every answer, and several round trips for the first large one after each
	// reconnection.
	streamWindow = 4 << 20
	connWindow   = 16 << 20

	// serviceConfig lifts gRPC's own limit of 4 MiB on what may be received: a range may be larger, and the server bounds
	// what can be stored. As a call option the limit would cost every call an allocation.
	serviceConfig = `{"methodConfig": [{"name": [{}], "maxResponseMessageBytes": 2147483647}]}`
)

// transport is one connection to an endpoint and whoever uses it.
type transport struct {
	cc        *grpc.ClientConn
	wire      *wire
	addr      address
	littleFor error         // why the member serves only what needs no leader, by its first check
	users     atomic.Int64  // the calls and streams under way, and 1 for the endpoint itself
	idle      chan struct{} // closed when users falls to 0
	answers   atomic.Int64  // what the member has answered, that tells a slow one from a silent one
	vitals    atomic.Pointer[vitals]
	heard     atomic.Int64 // when the member answered last, by the clock
	probing   atomic.Pointer[probe]
}

// link is one term of service of a transport, from a successful check to the loss of it. A reconnection makes a new
// link; what is still under way on the old one may end there.
type link struct {
	ep *endpoint
	*transport

	// up ends when the link leaves the rotation, for whatever reason.
	up   context.Context
	lose context.CancelCauseFunc

	// service ends, with its cause, when nothing more is expected of the link: when its endpoint freezes, but not when the
	// server merely retires the transport. Streams end with it; unary calls do not, since a silent member may yet answer.
	service context.Context
	retire  context.CancelCauseFunc

	outside bool // dialled for one call, to what is not one of the connection's endpoints in use

	dead atomic.Bool // it gave no sign of life, so it left the rotation
}

func newTransport(cc *grpc.ClientConn, a address, w *wire) *transport {
	t := &transport{cc: cc, addr: a, wire: w, idle: make(chan struct{})}
	t.users.Store(1)
	t.vitals.Store(&vitals{})
	t.heardFrom(clock())
	return t
}

func newLink(ep *endpoint, t *transport) *link {
	l := &link{ep: ep, transport: t}
	l.service, l.retire = context.WithCancelCause(ep.life)
	l.up, l.lose = context.WithCancelCause(l.service)
	return l
}

// acquire keeps the transport open until release. It fails once the transport may have been closed.
func (t *transport) acquire() bool {
	for {
		n := t.users.Load()
		if n == 0 {
			return false
		}
		if t.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (t *transport) release() {
	if t.users.Add(-1) == 0 {
		close(t.idle)
	}
}

// closeWhenIdle closes the transport after the last call on it, or at once when hard ends, which fails those calls.
func (t *transport) closeWhenIdle(hard context.Context) {
	select {
	case <-t.idle:
	case <-hard.Done():
	}
	_ = t.cc.Close() // it fails only when closed already
}

// lost waits until the transport takes no more calls, or ctx ends, and reports whether it was lost: its connection broke,
// or the server retires it with a GOAWAY. gRPC lets calls through before it says that it is Ready, so a new link may still
// seem to be connecting.
func (l *link) lost(ctx context.Context) bool {
	for ready := false; ; {
		state := l.cc.GetState()
		switch {
		case state == connectivity.Ready:
			ready = true
		case ready, state != connectivity.Connecting:
			return ctx.Err() == nil
		}
		if !l.cc.WaitForStateChange(ctx, state) {
			return false
		}
	}
}

// dial makes a gRPC connection to one address; it connects when told to.
func dial(a address, o *options, t *tokens, w *wire) (*grpc.ClientConn, error) {
	opts := []grpc.DialOption{
		grpc.WithContextDialer(dialer(a, o, w)),
		grpc.WithTransportCredentials(transportCredentials(a, o, w)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		// The connect timeout is for verify to keep, which says better than gRPC what has been waited for.
		// The backoff keeps gRPC from another attempt of its own before it is told to give up.
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 2 * ownTimeMax * o.connectTimeout, Backoff: backoff.DefaultConfig}),
		grpc.WithIdleTimeout(0), // an idle connection stays open, so that its loss is seen
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithUserAgent(userAgent),
	}
	target := "passthrough:///" + a.dial
	if a.network == "unix" {
		target = "passthrough:///unix"
		opts = append(opts, grpc.WithAuthority("localhost"))
	}
	if t != nil {
		opts = append(opts, grpc.WithPerRPCCredentials(perRPC{t}))
	}
	opts = append(opts, o.dial...)
	// Last, because a retry policy in a service config of the user's would have gRPC send writes twice.
	opts = append(opts, grpc.WithDisableServiceConfig(), grpc.WithDefaultServiceConfig(serviceConfig))
	cc, err := grpc.NewClient(target, opts...)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrEndpoint, a.text, err)
	}
	return cc, nil
}

// dialer dials the address, whatever gRPC calls it.
func dialer(a address, o *options, w *wire) func(context.Context, string) (net.Conn, error) {
	return func(parent context.Context, _ string) (net.Conn, error) {
		nc, err := o.network.connect(parent, a, o.connectTimeout)
		return nc, w.keep(err)
	}
}
