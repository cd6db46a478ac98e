// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
)

// endpointOption and timeoutOption are call options of this package: gRPC passes them by.
type endpointOption struct {
	grpc.EmptyCallOption
	address string
}

type leaderOption struct{ grpc.EmptyCallOption }

type timeoutOption struct {
	grpc.EmptyCallOption
	timeout time.Duration
}

// OnEndpoint is a call option that sends the call to one endpoint only, in any spelling of its address. It is what
// WithEndpoint of a request becomes, and serves generated stubs used on a [Conn]. An address that is no endpoint of the
// connection is ErrEndpoint, except for what is about one member and needs no leader (Status, Hash, HashKV, Defragment,
// Snapshot): it goes over a transport of its own, with the TLS and the credentials of the connection.
func OnEndpoint(address string) grpc.CallOption { return endpointOption{address: address} }

// Within is a call option that bounds a call, retries included, in place of the default of 5 s. It is what WithTimeout
// of a request becomes, and serves generated stubs used on a [Conn]. A stream is bounded in its creation.
func Within(d time.Duration) grpc.CallOption { return timeoutOption{timeout: d} }

// WithoutLeader is a call option that lets a call go to a member without a leader, or to a learner, while no endpoint is
// Active. Requests that need no leader do so by themselves. It is for streams, whose request is not known when they are
// opened: a serializable RangeStream. A request that does need a leader fails there.
func WithoutLeader() grpc.CallOption { return leaderOption{} }

// callOptions are the options of one call: this package's, and those for gRPC.
type callOptions struct {
	pinned   bool // to endpoint, which may be empty and is then refused
	endpoint string
	timeout  time.Duration
	aside    bool // a member without a leader will do
	rest     []grpc.CallOption
}

func splitOptions(opts []grpc.CallOption) (callOptions, error) {
	var o callOptions
	for i, opt := range opts {
		switch opt := opt.(type) {
		case endpointOption:
			o.pinned, o.endpoint = true, opt.address
		case timeoutOption:
			if opt.timeout < time.Millisecond {
				return o, fmt.Errorf("%w: Within(%v) is below 1ms", ErrOption, opt.timeout)
			}
			o.timeout = opt.timeout
		case leaderOption:
			o.aside = true
		case nil, grpc.StaticMethodCallOption:
			// Every call of this package carries the latter already.
		default:
			if o.rest == nil {
				o.rest = make([]grpc.CallOption, 0, len(opts)-i)
			}
			o.rest = append(o.rest, opt)
		}
	}
	return o, nil
}
