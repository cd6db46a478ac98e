// SPDX-License-Identifier: Apache-2.0

package member

import (
	"errors"
	"net/url"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// channel is a gRPC client. It has as many lines as it is asked for, each to the address that it is asked for, and a call
// goes over the line that its context names. gRPC's own way, one client with a resolver and a balancer for each address,
// costs three goroutines and 10 kB more for each one.
type channel struct {
	cc    *grpc.ClientConn
	lines balancer.ClientConn // makes the lines
	only  *line               // of a channel for one line: it takes all calls; else nil
	users int                 // the lines that are not closed; the lock of the pool guards it

	// spent says that a connection has ended, perhaps because the server found our pings too many. gRPC then pings less often on
	// all later connections of the client, so other endpoints would notice a silent member late.
	spent atomic.Bool
}

// alone makes a line with a channel of its own. Dial options of the user may be meant for its address, and an interceptor of theirs
// may replace the context that names the line, or send a call more than once.
func alone(w *way, opts []grpc.DialOption) (*line, error) {
	// With a retry policy in the user's service config gRPC would send writes twice.
	c, err := newChannel(w.address.dial, append(opts, grpc.WithDisableServiceConfig(), grpc.WithDefaultServiceConfig(serviceConfig)))
	if err != nil {
		return nil, err
	}
	l, err := c.line(w, "")
	if err != nil {
		_ = c.cc.Close()
		return nil, err
	}
	l.unnamed, l.release = true, func() { _ = c.cc.Close() }
	c.only = l
	c.pickAgain()
	return l, nil
}

// passthrough returns gRPC's name for a target that needs no resolver.
func passthrough(target string) string {
	to := url.URL{Scheme: "passthrough", Path: "/" + target}
	return to.String()
}

// newChannel makes a channel without lines. gRPC shows target to interceptors, and asks servers for it unless the line or the
// options name an authority.
func newChannel(target string, opts []grpc.DialOption) (*channel, error) {
	c := new(channel)
	opts = append(opts,
		// These come last: after an idle timeout the client closes its lines without a word to them.
		grpc.WithIdleTimeout(0), grpc.WithResolvers(c))
	cc, err := grpc.NewClient(passthrough(target), opts...)
	if err != nil {
		return nil, err
	}
	c.cc = cc
	cc.Connect() // calls Build, and so made
	if c.lines == nil {
		_ = cc.Close()
		return nil, errors.New("gRPC did not ask for a balancer")
	}
	return c, nil
}

// line makes a line to the address of w, which is not connected yet. gRPC takes authority for what the server is called, unless it is "".
func (c *channel) line(w *way, authority string) (*line, error) {
	l := &line{cc: c.cc, pickAgain: c.pickAgain, spend: func() { c.spent.Store(true) }}
	addr := resolver.Address{Addr: w.address.dial, ServerName: authority, Attributes: attributes.New(wayKey{}, w)}
	//lint:ignore SA1019 what goes away is that a SubConn has several addresses
	sub, err := c.lines.NewSubConn([]resolver.Address{addr}, balancer.NewSubConnOptions{StateListener: l.changed})
	if err != nil {
		return nil, err
	}
	l.sub = sub
	return l, nil
}

var _ resolver.Builder = (*channel)(nil)

// Build is called by gRPC. There is nothing to resolve: it leads gRPC's balancer to the channel.
func (c *channel) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	return unresolved{}, cc.UpdateState(resolver.State{
		Attributes: attributes.New(ownerKey{}, c), ServiceConfig: parsedConfig(cc.ParseServiceConfig),
	})
}

// Scheme is that of gRPC's targets without a resolver.
func (c *channel) Scheme() string { return "passthrough" }

// unresolved is a resolver with nothing to do.
type unresolved struct{}

func (unresolved) ResolveNow(resolver.ResolveNowOptions) {}
func (unresolved) Close()                                {}

// made takes gRPC's side of the channel, which makes lines.
func (c *channel) made(lines balancer.ClientConn) {
	c.lines = lines
	c.pickAgain()
}

// pickAgain lets the calls that wait for their line look at it again.
func (c *channel) pickAgain() {
	c.lines.UpdateState(balancer.State{ConnectivityState: connectivity.Ready, Picker: picker{c.only}})
}
