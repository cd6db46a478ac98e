// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/call"
)

// place is where a watch belongs: on which endpoint, and on what kind of stream.
type place struct {
	endpoint string
	pinned   bool // to that endpoint
	alone    bool // on a stream of its own
	paced    bool // on a stream of its own that is not read while the buffer of the watch is full
}

// options are the options of a call to the servers at that place.
func (p place) options() []grpc.CallOption {
	if !p.pinned {
		return nil
	}
	return []grpc.CallOption{call.OnEndpoint(p.endpoint)}
}
