// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// WithNetwork replaces the network of the system with hosts. Unlike a dialer among the dial options, it leaves the endpoints one gRPC
// client, as programs have it. A host whose name begins with void swallows packets. Batching is off, as with dial options.
func WithNetwork(hosts map[string]func(context.Context) (net.Conn, error)) Option {
	const void = "198.51.100.1"
	names := map[string]string{}
	dials := map[string]func(context.Context) (net.Conn, error){
		void: func(parent context.Context) (net.Conn, error) {
			<-parent.Done()
			return nil, parent.Err()
		},
	}
	for name, dial := range hosts {
		ip := strings.Trim(name, "[]")
		if _, err := netip.ParseAddr(ip); err != nil {
			ip = fmt.Sprintf("192.0.2.%d", len(names)+1)
		}
		names[name], dials[ip] = ip, dial
	}
	return func(o *options) {
		o.Network.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
			ip, ok := names[host]
			switch {
			case strings.HasPrefix(host, "void"):
				ip = void
			case !ok:
				return nil, fmt.Errorf("lookup %s: no such host", host)
			}
			return []netip.Addr{netip.MustParseAddr(ip)}, nil
		}
		o.Network.Dial = func(parent context.Context, _, address string) (net.Conn, error) {
			host, _, _ := net.SplitHostPort(address)
			dial := dials[host]
			if dial == nil {
				return nil, fmt.Errorf("dial %s: no route to host", address)
			}
			return dial(parent)
		}
		if o.batching == nil {
			o.batching = new(bool)
		}
	}
}
