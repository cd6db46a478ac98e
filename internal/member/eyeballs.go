// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/eetcd-go/eetcd/internal/wait"
)

// Network resolves names and makes connections. Tests replace the system's.
type Network struct {
	Lookup func(parent context.Context, host string) ([]netip.Addr, error)
	Dial   func(parent context.Context, network, address string) (net.Conn, error)
}

// system is the network of the system. All connections share its dialer.
var system = Network{
	Lookup: func(parent context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(parent, "ip", host)
	},
	Dial: new(net.Dialer).DialContext, // Go turns TCP_NODELAY on by default
}

// SystemNetwork returns the network of the system.
func SystemNetwork() Network { return system }

// connect connects to an address within the timeout. A name may have several IP addresses, and some may swallow
// packets. So the addresses are raced as in Happy Eyeballs (RFC 8305).
func (n Network) connect(parent context.Context, a Address, timeout time.Duration) (net.Conn, error) {
	limited, cancel := wait.WithOwnTime(parent, timeout, lateError(timeout))
	defer cancel()
	nc, err := n.dial(limited, a, timeout)
	if errors.Is(err, context.Canceled) && limited.Err() != nil && parent.Err() == nil {
		err = context.Cause(limited) // the dialer knows only that it was to stop
	}
	return nc, err
}

func (n Network) dial(parent context.Context, a Address, timeout time.Duration) (net.Conn, error) {
	if a.network == "unix" {
		return n.Dial(parent, a.network, a.dial)
	}
	host, port, err := net.SplitHostPort(a.dial)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return n.Dial(parent, a.network, a.dial)
	}
	ips, err := n.Lookup(parent, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: a.network, Err: err}
	}
	if len(ips) == 0 {
		return nil, &net.OpError{Op: "dial", Net: a.network, Err: &net.DNSError{Err: "no address", Name: host, IsNotFound: true}}
	}
	ips = alternate(ips)
	return race(parent, len(ips), timeout, func(parent context.Context, i int) (net.Conn, error) {
		return n.Dial(parent, a.network, net.JoinHostPort(ips[i].Unmap().String(), port))
	}, func(late net.Conn) { _ = late.Close() })
}

// alternate orders addresses so that the two families alternate. The family of the first address comes first.
func alternate(ips []netip.Addr) []netip.Addr {
	var families [2][]netip.Addr
	for _, ip := range ips {
		family := 0
		if ip.Unmap().Is4() != ips[0].Unmap().Is4() {
			family = 1
		}
		families[family] = append(families[family], ip)
	}
	ordered := make([]netip.Addr, 0, len(ips))
	for i := range ips {
		for _, family := range families {
			if i < len(family) {
				ordered = append(ordered, family[i])
			}
		}
	}
	return ordered
}
