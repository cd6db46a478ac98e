// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/call"
)

// OnEndpoint is a call option that sends the call to one endpoint only, in any spelling of its address. It is what
// WithEndpoint of a request becomes, and serves generated stubs used on a [Conn]. An address that is no endpoint of the
// connection is ErrEndpoint, except for what is about one member and needs no leader (Status, Hash, HashKV, Defragment,
// Snapshot): it goes over a transport of its own, with the TLS and the credentials of the connection.
func OnEndpoint(address string) grpc.CallOption { return call.OnEndpoint(address) }

// Within is a call option that bounds a call, retries included, in place of the default of 5 s. It is what WithTimeout
// of a request becomes, and serves generated stubs used on a [Conn]. A stream is bounded in its creation.
func Within(d time.Duration) grpc.CallOption { return call.Within(d) }

// WithoutLeader is a call option that lets a call go to a member without a leader, or to a learner, while no endpoint is
// Active. Requests that need no leader do so by themselves. It is for streams, whose request is not known when they are
// opened: a serializable RangeStream. A request that does need a leader fails there.
func WithoutLeader() grpc.CallOption { return call.WithoutLeader() }
