// SPDX-License-Identifier: Apache-2.0

// Package wire is the way of a unary request from a service package to its connection: what each RPC takes and returns
// (methods.go), where a request goes (route.go), and the call itself (method.go; read.go for a Get of one key). answer.go takes answers
// apart. What streams need lies in folders below it.
package wire

import (
	"context"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/call"
)

// Method is the path of a unary RPC, together with the types of its request and its response.
type Method[Request, Response any] string

// Call sends the request as c says: over its connection, to its endpoint, within its timeout. It returns conn.ErrNotOpen
// for an unbound c or an unknown name, and otherwise what Invoke of conn.Conn returns.
func (m Method[Request, Response]) Call(parent context.Context, c ctx.Ctx, request *Request) (*Response, error) {
	to, err := RouteOf(c)
	if err != nil {
		return nil, err
	}
	return m.Over(parent, to, request)
}

// Over is Call for a route that is known. The options are for gRPC.
func (m Method[Request, Response]) Over(
	parent context.Context, to Route, request *Request, opts ...grpc.CallOption,
) (*Response, error) {
	return m.send(parent, to, request, call.Options{Target: to.Target, Rest: opts})
}

// Reading is Over for a transaction that the SDK makes in place of several reads. A server that crashes when such a transaction
// is cancelled does not get it: the error is then a refusal with the code Unimplemented.
func (m Method[Request, Response]) Reading(
	parent context.Context, to Route, request *Request, opts ...grpc.CallOption,
) (*Response, error) {
	return m.send(parent, to, request, call.Options{Target: to.Target, Own: true, Rest: opts})
}

// errNilParent refuses a nil context, as every service does that makes several requests.
var errNilParent error = &ctx.InvalidError{Conflicts: []string{"the parent context is nil"}}

func (m Method[Request, Response]) send(parent context.Context, to Route, request *Request, o call.Options) (*Response, error) {
	if parent == nil {
		return nil, errNilParent
	}
	response := new(Response)
	if err := to.Conn.Call(parent, string(m), request, response, o); err != nil {
		return nil, err
	}
	return response, nil
}
