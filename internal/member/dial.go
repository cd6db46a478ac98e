// SPDX-License-Identifier: Apache-2.0

package member

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/wait"
)

const (
	// Pings go out only while calls are under way: servers answer pings on idle connections with too_many_pings.
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 5 * time.Second
	userAgent        = "eetcd-go"

	// How many bytes a server may send ahead of its reader. gRPC starts at 64 KiB and grows to 16 MiB by measuring.
	// That costs a ping for nearly every answer, and several round trips for the first large answer after each
	// reconnection.
	streamWindow = 4 << 20
	connWindow   = 16 << 20
)

// dial begins to connect to one address.
func dial(a Address, g *group, w *wire) (*line, error) {
	to := newWay(a, g.Config, w)
	var l *line
	var err error
	if len(g.Dial) == 0 {
		l, err = g.pool.line(to, func() []grpc.DialOption { return dialOptions(to, g.Config) })
	} else {
		opts := dialOptions(to, g.Config)
		if authority := a.authority(); authority != "" && to.secure.Info().ServerName == "" { // gRPC takes one or the other
			opts = append(opts, grpc.WithAuthority(authority))
		}
		l, err = alone(to, append(opts, g.Dial...))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", connerr.ErrEndpoint, a.Text, err)
	}
	l.sub.Connect()
	return l, nil
}

// dialOptions returns the options of a channel whose first line is w.
func dialOptions(w *way, c *Config) []grpc.DialOption {
	opts := []grpc.DialOption{
		grpc.WithContextDialer(connectLine),
		grpc.WithTransportCredentials(secureLine{w.secure}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		// verify keeps the connect timeout, since its errors say what was waited for and gRPC's do not. The backoff
		// keeps gRPC from a second attempt of its own.
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: 2 * wait.OwnTimeMax * c.ConnectTimeout, Backoff: backoff.DefaultConfig,
		}),
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithReadBufferSize(0),       // metered has a buffer
		grpc.WithSharedWriteBuffer(true), // else each connection keeps 32 KiB, idle or not
		grpc.WithUserAgent(userAgent),
	}
	if c.Tokens != nil {
		opts = append(opts, grpc.WithPerRPCCredentials(perRPC{c.Tokens}))
	}
	return opts
}

// below replaces gRPC's text for a failed attempt to connect with the underlying error, if that is known.
func below(err error, w *wire, a Address) error {
	if etcderr.OutcomeOf(err) == etcderr.Rejected {
		return err // an answer
	}
	if cause := w.get(); cause != nil {
		return cause
	}
	if a.Secure && status.Code(err) == codes.Unavailable {
		// In TLS 1.3 the client's side of a handshake may succeed although the server then refuses it.
		return fmt.Errorf("the server closed the connection after the TLS handshake; it may require another client certificate: %w", err)
	}
	return err
}
