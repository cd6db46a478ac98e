// SPDX-License-Identifier: Apache-2.0

package member

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// way is how one line connects to its address. A channel finds it by the context that gRPC passes.
type way struct {
	address Address
	config  *Config
	secure  credentials.TransportCredentials
	wire    *wire
}

func newWay(a Address, c *Config, w *wire) *way {
	return &way{address: a, config: c, secure: transportCredentials(a, c), wire: w}
}

// transportCredentials returns the credentials for one connection to an address.
func transportCredentials(a Address, c *Config) credentials.TransportCredentials {
	if !a.Secure {
		return insecure.NewCredentials()
	}
	config := c.TLS
	if c.Files != nil {
		config = c.Files.current(c.Log)
	}
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return credentials.NewTLS(config)
}

// authority returns what the server is called in requests and proves with its certificate.
func (w *way) authority() string {
	dialled := url.URL{Host: w.address.dial}
	return cmp.Or(w.secure.Info().ServerName, w.address.authority(), strings.TrimPrefix(dialled.String(), "//"))
}

// connect connects to the address.
func (w *way) connect(parent context.Context) (net.Conn, error) {
	nc, err := w.config.Network.connect(parent, w.address, w.config.ConnectTimeout)
	return nc, w.wire.keep(err)
}

// handshake makes the handshake of the address's credentials, and puts the wire in place. This works with a user's own dialer
// too.
func (w *way) handshake(parent context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	nc, info, err := w.secure.ClientHandshake(parent, authority, raw)
	if err != nil {
		return nc, info, w.wire.keep(fmt.Errorf("TLS handshake: %w", err))
	}
	return newLateAcks(newMetered(nc, &w.wire.received)), info, nil
}

// wayKey is the key of a line's way among the attributes of its address.
type wayKey struct{}

var errNoWay = errors.New("a connection without an endpoint")

// wayOf returns the way of the line that gRPC connects.
func wayOf(parent context.Context) (*way, error) {
	w, ok := credentials.ClientHandshakeInfoFromContext(parent).Attributes.Value(wayKey{}).(*way)
	if !ok {
		return nil, errNoWay
	}
	return w, nil
}

// connectLine is the dialer of a channel. It ignores the address that gRPC passes.
func connectLine(parent context.Context, _ string) (net.Conn, error) {
	w, err := wayOf(parent)
	if err != nil {
		return nil, err
	}
	return w.connect(parent)
}

// secureLine are the credentials of a channel. Each line has credentials of its own, since files with certificates are read
// again for each one. Those in here only say what kind they are.
type secureLine struct {
	credentials.TransportCredentials
}

func (secureLine) ClientHandshake(parent context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	w, err := wayOf(parent)
	if err != nil {
		return nil, nil, err
	}
	return w.handshake(parent, authority, raw)
}

func (s secureLine) Clone() credentials.TransportCredentials {
	return secureLine{s.TransportCredentials.Clone()}
}
