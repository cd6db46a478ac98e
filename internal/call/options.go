// SPDX-License-Identifier: Apache-2.0

package call

import (
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/hook"
)

// endpointOption and timeoutOption are call options of this package, which gRPC ignores.
type endpointOption struct {
	grpc.EmptyCallOption
	address string
}

type leaderOption struct{ grpc.EmptyCallOption }

type timeoutOption struct {
	grpc.EmptyCallOption
	timeout time.Duration
}

// OnEndpoint is documented in package conn.
func OnEndpoint(address string) grpc.CallOption { return endpointOption{address: address} }

// Within is documented in package conn.
func Within(d time.Duration) grpc.CallOption { return timeoutOption{timeout: d} }

// WithoutLeader is documented in package conn.
func WithoutLeader() grpc.CallOption { return leaderOption{} }

// Target says to which endpoint a call goes, and how long it may take.
type Target struct {
	Pinned   bool // to Endpoint, which may be empty and is then refused
	Endpoint string
	Timeout  time.Duration // 0: none is given
}

// Options holds the options of one call: this package's, and those for gRPC.
type Options struct {
	Target
	Aside    bool // a member without a leader will do
	Own      bool // a transaction that only reads, made by the SDK in place of several reads
	ToLeader bool // it needs the leader whichever member it goes to, so it goes there at once
	Rest     []grpc.CallOption
	Codec    grpc.CallOption // the SDK's own codec, for a read that may travel in company, and for a trip; Rest is empty then
	Trace    *hook.Trace     // nil: nobody observes the call
}

// Split takes the options of a call apart. It returns ErrOption for a timeout that is too short.
func Split(opts []grpc.CallOption) (Options, error) {
	var o Options
	for i, opt := range opts {
		switch opt := opt.(type) {
		case endpointOption:
			o.Pinned, o.Endpoint = true, opt.address
		case timeoutOption:
			if opt.timeout < time.Millisecond {
				return o, fmt.Errorf("%w: Within(%v) is below 1ms", connerr.ErrOption, opt.timeout)
			}
			o.Timeout = opt.timeout
		case leaderOption:
			o.Aside = true
		case nil, grpc.StaticMethodCallOption:
			// Every call of this package carries the latter already.
		default:
			if o.Rest == nil {
				o.Rest = make([]grpc.CallOption, 0, len(opts)-i)
			}
			o.Rest = append(o.Rest, opt)
		}
	}
	return o, nil
}
