// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/etcderr"
)

// NewStream opens a stream on an Active endpoint, the next in turn, or on the one of [OnEndpoint]. The stream lives as
// long as parent; it ends early, with the reason, when its endpoint freezes or the connection closes. It is not retried:
// what can be resumed is for the caller to know. [Within] bounds its creation. The errors are those of [Conn.Invoke].
func (c *Conn) NewStream(parent context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if parent == nil {
		return nil, errNilContext
	}
	o, err := splitOptions(opts)
	if err != nil {
		return nil, err
	}
	l, err := c.pick(o, nil, nil)
	if err != nil {
		return nil, err
	}
	s := &stream{method: method, endpoint: l.ep.addr.text}
	s.ctx, s.cancel = context.WithCancelCause(parent)
	stop := context.AfterFunc(l.service, func() { s.cancel(context.Cause(l.service)) })
	s.close = sync.OnceFunc(func() {
		stop()
		s.cancel(nil)
		l.release()
	})
	if o.timeout > 0 {
		timer := time.AfterFunc(o.timeout, func() { s.cancel(context.DeadlineExceeded) })
		defer timer.Stop()
	}
	all := append([]grpc.CallOption{
		grpc.MaxCallRecvMsgSize(maxReceive),
		grpc.OnFinish(func(error) { s.close() }),
	}, o.rest...)
	s.ClientStream, err = l.cc.NewStream(s.ctx, desc, method, all...)
	if err != nil {
		err = s.failed(err, false)
		s.close()
		return nil, err
	}
	return s, nil
}

// stream is a gRPC stream whose errors say what the SDK knows of them, and whose end releases its link.
type stream struct {
	grpc.ClientStream
	ctx      context.Context
	cancel   context.CancelCauseFunc
	close    func()
	method   string
	endpoint string
}

func (s *stream) SendMsg(m any) error { return s.failed(s.ClientStream.SendMsg(m), true) }

func (s *stream) RecvMsg(m any) error { return s.failed(s.ClientStream.RecvMsg(m), true) }

func (s *stream) failed(err error, sent bool) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	call := etcderr.Call{Method: s.method, Endpoint: s.endpoint, Sent: sent}
	if s.ctx.Err() != nil && !errors.Is(context.Cause(s.ctx), context.Canceled) {
		call.Cause = contextErr(s.ctx)
	}
	return etcderr.FromRPC(err, call)
}
