// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/hook"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// caller makes unary calls: a connection's, or a namespace's.
type caller interface {
	Call(parent context.Context, method string, args, reply any, o call.Options) error
}

// observer tells hooks of the calls of one connection. A nil one tells nobody.
type observer struct {
	hooks  *hook.Hooks
	conn   string // its name
	picker *picker
}

// newObserver returns nil if nobody observes calls.
func newObserver(hooks *hook.Hooks, p *picker) *observer {
	if !hooks.ObserveCalls() {
		return nil
	}
	return &observer{hooks, p.name, p}
}

// call makes a call through to.
func (b *observer) call(to caller, parent context.Context, method string, args, reply any, o call.Options) error {
	if b == nil {
		return to.Call(parent, method, args, reply, o)
	}
	return b.observed(to, parent, method, args, reply, o)
}

// read makes a read of one key through to.
func (b *observer) read(to *call.Caller, parent context.Context, r call.Read, timeout time.Duration) (answer *pb.RangeResponse, err error) {
	if b == nil {
		return to.Read(parent, r, timeout, nil)
	}
	if parent == nil {
		return nil, connerr.ErrNilContext
	}
	r.Message = r.Request() // since hooks see it
	err = hook.ErrCutOff
	parent, trace := b.hooks.Call(parent, hook.CallInfo{Connection: b.conn, Method: pb.KV_Range_FullMethodName, Request: r.Message})
	defer func() { trace.End(err) }()
	return to.Read(parent, r, timeout, trace)
}

func (b *observer) observed(to caller, parent context.Context, method string, args, reply any, o call.Options) error {
	if parent == nil {
		return connerr.ErrNilContext
	}
	info := hook.CallInfo{Connection: b.conn, Method: method, Request: args}
	if o.Pinned {
		info.Endpoint = tell.Endpoint(b.picker.Spelling(o.Endpoint))
	}
	ended := hook.ErrCutOff
	parent, o.Trace = b.hooks.Call(parent, info)
	defer func() { o.Trace.End(ended) }()
	ended = to.Call(parent, method, args, reply, o)
	return ended
}
