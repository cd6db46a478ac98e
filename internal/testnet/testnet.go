// SPDX-License-Identifier: Apache-2.0

// Package testnet puts a connection on a network that a test makes. Unlike a dialer among the dial options, it leaves all endpoints one
// gRPC client, as programs have it. Only tests import it.
//
//	c, err := conn.Open(parent, "", []string{"a:1"}, testnet.Hosts(map[string]testnet.Host{"a": listener.DialContext}))
package testnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strings"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/member"
)

// Host makes a connection to one host.
type Host func(parent context.Context) (net.Conn, error)

// Network looks up names and dials addresses.
type Network = member.Network

// System returns the network of the system.
func System() Network { return member.SystemNetwork() }

// On puts a connection on a network, and applies more options with it.
func On(n Network, more ...conn.Option) conn.Option {
	// An option that conn does not have cannot reach users. The parameter of each option holds the configuration of the engine.
	set := func(options []reflect.Value) []reflect.Value {
		options[0].Elem().FieldByName("Config").Addr().Interface().(*engine.Config).Network = n
		for _, opt := range more {
			reflect.ValueOf(opt).Call(options)
		}
		return nil
	}
	return reflect.MakeFunc(reflect.TypeFor[conn.Option](), set).Interface().(conn.Option)
}

// Hosts is a network of hosts by their names or IP addresses, whatever the port. A host whose name begins with void swallows packets.
// Batching is off unless a later option switches it on, because most fakes of a server do not expect the transactions.
func Hosts(hosts map[string]Host) conn.Option {
	const void = "198.51.100.1"
	names := map[string]string{}
	dials := map[string]Host{
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
	return On(Network{
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			ip, ok := names[host]
			switch {
			case strings.HasPrefix(host, "void"):
				ip = void
			case !ok:
				return nil, fmt.Errorf("lookup %s: no such host", host)
			}
			return []netip.Addr{netip.MustParseAddr(ip)}, nil
		},
		Dial: func(parent context.Context, _, address string) (net.Conn, error) {
			host, _, _ := net.SplitHostPort(address)
			dial := dials[host]
			if dial == nil {
				return nil, fmt.Errorf("dial %s: no route to host", address)
			}
			return dial(parent)
		},
	}, conn.WithoutBatching())
}
