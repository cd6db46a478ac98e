// SPDX-License-Identifier: Apache-2.0

// Package unary is the way of a unary request from a service package to its connection.
package unary

import (
	"context"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// Call finds the connection c is bound to, sends request with c's timeout and endpoint, and returns the response. It
// returns conn.ErrNotOpen for an unbound context or an unknown name, and otherwise what conn.Conn's Invoke returns.
func Call[Response any](parent context.Context, c ctx.Ctx, method string, request any) (*Response, error) {
	to, err := engine.Lookup(c.Conn())
	if err != nil {
		return nil, err
	}
	response := new(Response)
	if err := to.Invoke(parent, method, request, response, Options(c)...); err != nil {
		return nil, err
	}
	return response, nil
}

// Options returns how c is sent, and more. It is nil, and allocates nothing, for a request that says nothing of that.
func Options(c ctx.Ctx, more ...grpc.CallOption) []grpc.CallOption {
	opts := more
	if timeout, ok := c.Timeout(); ok {
		opts = append(opts, call.Within(timeout))
	}
	if endpoint, ok := c.Endpoint(); ok {
		opts = append(opts, call.OnEndpoint(endpoint))
	}
	return opts
}
