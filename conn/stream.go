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
// what can be resumed is for the caller to know. [Within] bounds its creation. With no Active endpoint it waits for one as
// [Conn.Invoke] does, whose errors it has.
// The result is a [Stream].
func (c *Conn) NewStream(parent context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if parent == nil {
		return nil, errNilContext
	}
	o, err := splitOptions(opts)
	if err != nil {
		return nil, err
	}
	w := wanted{parent: parent, pinned: o.pinned, endpoint: o.endpoint}
	if o.timeout > 0 {
		w.deadline = time.Now().Add(o.timeout)
	}
	l, err := c.pick(w, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := c.freshToken(parent, l); err != nil {
		l.release()
		return nil, etcderr.FromRPC(err, etcderr.Call{Method: method, Endpoint: l.ep.addr.text, Cause: err})
	}
	s := &stream{conn: c, link: l, parent: parent, method: method, token: c.tokens.used()}
	s.ctx, s.cancel = context.WithCancelCause(parent)
	stop := context.AfterFunc(l.service, func() { s.cancel(context.Cause(l.service)) })
	s.close = sync.OnceFunc(func() {
		stop()
		s.cancel(nil)
		l.release()
	})
	if o.timeout > 0 {
		timer := time.AfterFunc(time.Until(w.deadline), func() { s.cancel(context.DeadlineExceeded) })
		defer timer.Stop()
	}
	all := append([]grpc.CallOption{grpc.OnFinish(func(error) { s.close() })}, o.rest...)
	s.ClientStream, err = l.cc.NewStream(s.ctx, desc, method, all...)
	if err != nil {
		err = s.failed(err, false)
		s.close()
		return nil, err
	}
	return s, nil
}

// Stream is what NewStream of a [Conn] returns: a gRPC stream that knows where it is.
type Stream interface {
	grpc.ClientStream
	// Endpoint returns the endpoint that the stream is on, in the spelling given to Open.
	Endpoint() string
	// Version returns the version of the member's server, such as 3.6.4; "" where that is unknown.
	Version() string
	// Doubt has the endpoint verified now, and frozen if it does not answer: the stream is silent where it should not be.
	Doubt()
	// Refused notes an error with which the server refused something on the stream, and reports whether that was for its
	// token: the next stream gets another one.
	Refused(err error) bool
	// Abort ends the stream now; whoever waits in SendMsg or RecvMsg returns.
	Abort()
}

// stream is a gRPC stream whose errors say what the SDK knows of them, and whose end releases its link.
type stream struct {
	grpc.ClientStream
	conn   *Conn
	link   *link
	parent context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	close  func()
	method string
	token  *authToken // at its opening; nil without credentials
}

func (s *stream) Endpoint() string { return s.link.ep.addr.text }

func (s *stream) Version() string { return s.link.vitals.Load().version }

func (s *stream) Abort() { s.cancel(nil) }

func (s *stream) Doubt() {
	if s.link.up.Err() != nil {
		s.link.retire(errLost) // a question over its transport is no longer possible
		return
	}
	s.link.ep.doubt()
}

func (s *stream) Refused(err error) bool {
	if !s.conn.tokens.refused(s.token, err) {
		return false
	}
	now := time.Now()
	s.token.outdated.Store(&now)
	return true
}

func (s *stream) SendMsg(m any) error { return s.failed(s.ClientStream.SendMsg(m), true) }

func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		s.link.answers.Add(1)
	}
	return s.failed(err, true)
}

func (s *stream) failed(err error, sent bool) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	call := etcderr.Call{Method: s.method, Endpoint: s.Endpoint(), Sent: sent}
	switch {
	case s.ctx.Err() != nil && !errors.Is(context.Cause(s.ctx), context.Canceled):
		call.Cause = contextErr(s.ctx)
	case s.parent.Err() == nil && s.link.service.Err() != nil:
		// The transport may end the stream before the link does.
		call.Cause = context.Cause(s.link.service)
	}
	err = etcderr.FromRPC(err, call)
	s.Refused(err)
	if errors.Is(err, etcderr.ErrNoLeader) {
		s.link.ep.freeze(s.link, etcderr.ErrNoLeader, s.conn.spareLast(err))
	}
	return err
}
