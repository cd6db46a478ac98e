// SPDX-License-Identifier: Apache-2.0

package member

import (
	"reflect"
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"
)

// balancerName is the name under which gRPC finds the balancer of our channels. It serves no other ones. A program may hold a fork
// of this module beside it, and gRPC knows one balancer for each name, so the name is the path of this package.
var balancerName = reflect.TypeFor[lines]().PkgPath()

// serviceConfig names our balancer, and lifts gRPC's limit of 4 MiB on received messages: a range may be larger, and the server
// bounds what it stores. A call option for this would cost every call an allocation.
var serviceConfig = `{"loadBalancingConfig": [{"` + balancerName + `": {}}],
	"methodConfig": [{"name": [{}], "maxResponseMessageBytes": 2147483647}]}`

// parsed is what gRPC has made of serviceConfig. All channels share it.
var parsed struct {
	once   sync.Once
	config *serviceconfig.ParseResult
}

// parsedConfig returns the service config for a channel, with gRPC's parser. A default config is parsed and kept by each channel.
func parsedConfig(parse func(string) *serviceconfig.ParseResult) *serviceconfig.ParseResult {
	parsed.once.Do(func() { parsed.config = parse(serviceConfig) })
	return parsed.config
}

func init() { balancer.Register(balancers{}) }

// balancers makes the balancer of a channel.
type balancers struct{}

func (balancers) Name() string { return balancerName }

func (balancers) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	return lines{cc}
}

// lines is the balancer of a channel. The channel makes its lines with it. gRPC reports the state of a line to the line itself, so this
// balancer has nothing to do.
type lines struct{ balancer.ClientConn }

// ownerKey is the key of the channel among the attributes of its resolver.
type ownerKey struct{}

// linesOwner is a channel, which takes what makes its lines.
type linesOwner interface{ made(balancer.ClientConn) }

func (b lines) UpdateClientConnState(s balancer.ClientConnState) error {
	c, ours := s.ResolverState.Attributes.Value(ownerKey{}).(linesOwner)
	if !ours {
		return balancer.ErrBadResolverState
	}
	c.made(b.ClientConn)
	return nil
}

func (lines) ResolverError(error)                                        {}
func (lines) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}
func (lines) ExitIdle()                                                  {}
func (lines) Close()                                                     {}

// picker finds the line of a call.
type picker struct {
	only *line // takes all calls; nil: each call names its line
}

// Pick is called by gRPC with each call.
func (p picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	l := p.only
	if l == nil {
		l, _ = info.Ctx.Value(lineKey{}).(*line)
	}
	if l == nil {
		return balancer.PickResult{}, status.Error(codes.Internal, "a call without a line")
	}
	sub, err := l.pick()
	return balancer.PickResult{SubConn: sub}, err
}
