// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// wire knows a transport below gRPC: its last error, which gRPC reports only as a text within a text, and the bytes
// received, which gRPC reports only by message.
type wire struct {
	received atomic.Int64 // bytes

	mu   sync.Mutex
	last error
}

func (w *wire) keep(err error) error {
	if err != nil && !errors.Is(err, context.Canceled) {
		w.mu.Lock()
		w.last = err
		w.mu.Unlock()
	}
	return err
}

func (w *wire) get() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// transportCredentials are the connection's credentials, with a handshake that puts the wire in place. This works
// with a user's own dialer too.
func transportCredentials(a Address, c *Config, w *wire) credentials.TransportCredentials {
	if !a.Secure {
		return &wired{insecure.NewCredentials(), w}
	}
	config := c.TLS
	if c.Files != nil {
		config = c.Files.current(c.Log)
	}
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &wired{credentials.NewTLS(config), w}
}

// wired are credentials that report handshakes and connections to the wire.
type wired struct {
	credentials.TransportCredentials
	wire *wire
}

func (c *wired) ClientHandshake(parent context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	nc, info, err := c.TransportCredentials.ClientHandshake(parent, authority, raw)
	if err != nil {
		return nc, info, c.wire.keep(fmt.Errorf("TLS handshake: %w", err))
	}
	return newMetered(nc, &c.wire.received), info, nil
}

func (c *wired) Clone() credentials.TransportCredentials {
	return &wired{c.TransportCredentials.Clone(), c.wire}
}
