// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"time"

	"google.golang.org/grpc/metadata"
)

// callContext is the context that gRPC sees: cancelled with the flight, and with the caller's values and deadline.
// The flight's timer keeps the SDK's own deadline. gRPC would only send it to the server, at the cost of two
// allocations, and the server learns of the end of a call anyway.
type callContext struct {
	context.Context // the flight's
	parent          context.Context
}

func (c *callContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }

func (c *callContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v
	}
	return c.parent.Value(key)
}

// context returns the context that gRPC sees.
func (f *flight) context(parent context.Context) context.Context {
	ctx := &callContext{Context: f.ctx, parent: parent}
	if f.leader {
		// The flight's metadata would hide the caller's.
		if md, ok := metadata.FromOutgoingContext(parent); ok {
			return metadata.NewOutgoingContext(ctx, metadata.Join(md, requireLeader))
		}
	}
	return ctx
}
