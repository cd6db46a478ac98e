// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/call"
)

// OnEndpoint is a call option for calls of generated stubs on a [Conn]. It sends the call to one endpoint only. The address
// may have any form that [Open] accepts. Requests of this SDK have WithEndpoint instead. An address that is not an endpoint
// of the connection is ErrEndpoint. There is one exception: calls about one member that need no leader (Status, Hash,
// HashKV, Defragment, Snapshot) go there over a transport of their own, with the TLS and the credentials of the connection.
func OnEndpoint(address string) grpc.CallOption { return call.OnEndpoint(address) }

// Within is a call option for calls of generated stubs on a [Conn]. It bounds a call with its retries, and replaces the
// default of 5 s. For a stream it bounds the creation. Requests of this SDK have WithTimeout instead. A duration below
// 1 ms is ErrOption.
func Within(d time.Duration) grpc.CallOption { return call.Within(d) }

// WithoutLeader is a call option for generated stubs. While no endpoint is Active, it lets a call go to a member
// without a leader, or to a learner. Such a member serves only requests that need no leader. Unary calls find this out
// by themselves, so the option is for streams: a serializable RangeStream.
func WithoutLeader() grpc.CallOption { return call.WithoutLeader() }
