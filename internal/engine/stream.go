// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/hook"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Stream is a gRPC stream that knows its endpoint.
type Stream interface {
	grpc.ClientStream
	// Endpoint returns the endpoint of the stream, in the spelling given to Open.
	Endpoint() string
	// Version returns the version of the member's server, such as 3.6.4, or "" if it is unknown.
	Version() string
	// Doubt asks for a check of the endpoint now, because the stream is silent where it should not be. For a second, new
	// streams go to another endpoint if one is Active.
	Doubt()
	// Refused records an error with which the server refused something on the stream. It reports whether the server
	// refused the token. Then the next stream gets another token first.
	Refused(err error) bool
	// Abort ends the stream now. A blocked SendMsg or RecvMsg returns.
	Abort()
}

// opener opens the streams of a connection.
type opener struct {
	picker  *picker
	within  context.Context // of a namespace, which ends before its links do; nil for a connection with the whole key space
	tokens  *member.Tokens  // nil without credentials
	limits  func() call.Limits
	timeout time.Duration // of the wait for another token
	hooks   *hook.Hooks
	telling atomic.Int64 // hooks of streams at work, on goroutines of the connection
}

// open opens a stream, as package conn documents NewStream.
func (o *opener) open(parent context.Context, desc *grpc.StreamDesc, method string, to call.Options) (Stream, error) {
	if parent == nil {
		return nil, connerr.ErrNilContext
	}
	w := call.Wanted{Parent: parent, Pinned: to.Pinned, Endpoint: to.Endpoint, Method: method, Aside: to.Aside}
	if to.Timeout > 0 {
		w.Deadline = time.Now().Add(to.Timeout)
	}
	l, err := o.picker.pickAlive(w)
	if err != nil {
		return nil, err
	}
	renewing := o.timeout
	if to.Timeout > 0 {
		renewing = min(renewing, time.Until(w.Deadline))
	}
	if err := l.RefreshToken(parent, renewing); err != nil {
		l.Release()
		return nil, etcderr.FromRPC(err, etcderr.Call{Method: method, Endpoint: l.Address(), Cause: err})
	}
	s := &stream{opener: o, link: l, parent: parent, method: method, token: o.tokens.Used(), options: to.Rest}
	s.asked.Store(int64(member.Clock()))
	s.ctx, s.cancel = context.WithCancelCause(parent)
	s.stop = s.endWith(l.Service(), l.Ended)
	if o.within != nil {
		s.stay = s.endWith(o.within, func() error { return context.Cause(o.within) })
	}
	returned := false
	defer func() {
		if !returned { // an interceptor panics, for example
			s.finish(hook.ErrCutOff)
		}
	}()
	if err := o.observe(s); err != nil {
		returned = true
		s.close()
		return nil, err
	}
	if to.Timeout > 0 {
		timer := time.AfterFunc(time.Until(w.Deadline), func() { s.cancel(context.DeadlineExceeded) })
		defer timer.Stop()
	}
	all := append([]grpc.CallOption{grpc.OnFinish(s.finish)}, to.Rest...)
	s.ClientStream, err = l.NewStream(s.ctx, desc, method, all...)
	returned = true
	if err != nil {
		err = s.failed(err, false, nil)
		s.finish(err)
		return nil, err
	}
	return s, nil
}

// stream is a gRPC stream that knows the SDK's reasons for its errors, and releases its link at its end.
type stream struct {
	grpc.ClientStream
	opener  *opener
	link    *member.Link
	parent  context.Context
	ctx     context.Context
	cancel  context.CancelCauseFunc
	stop    func() (stopped bool) // undoes that the stream ends with its link
	stay    func() (stopped bool) // undoes that it ends with its namespace; nil without one
	once    sync.Once             // closes it
	method  string
	token   *member.Token // at its opening; nil without credentials
	asked   atomic.Int64  // when something was sent on it last, by the clock
	options []grpc.CallOption

	reason  atomic.Pointer[error] // of its end, for hooks; nil before that
	aborted atomic.Bool
	silent  atomic.Bool // where it should not be
}

// endWith ends the stream when another context ends, for a reason.
func (s *stream) endWith(other context.Context, reason func() error) (undo func() (stopped bool)) {
	return context.AfterFunc(other, func() { s.cancel(&linkEnded{reason()}) })
}

// finish takes gRPC's word about the end of the stream.
func (s *stream) finish(err error) {
	if len(s.opener.hooks.Streams) > 0 {
		s.ended(err)
	}
	s.close()
}

// close lets go of all that the stream uses.
func (s *stream) close() {
	s.once.Do(func() {
		s.stop()
		if s.stay != nil {
			s.stay()
		}
		s.cancel(nil)
		s.link.Release()
	})
}

func (s *stream) Endpoint() string { return s.link.Address() }

func (s *stream) Version() string { return s.link.Version() }

func (s *stream) Abort() {
	s.aborted.Store(true)
	s.cancel(nil)
}

func (s *stream) Doubt() {
	s.silent.Store(true)
	if !s.link.InRotation() {
		s.link.EndStreams() // its transport cannot carry a check any more
		return
	}
	s.link.FellSilent()
}

func (s *stream) Refused(err error) bool {
	if !s.opener.tokens.Refused(s.token, err) {
		return false
	}
	s.token.Refuse(time.Duration(s.asked.Load()))
	return true
}

func (s *stream) SendMsg(m any) error {
	s.asked.Store(int64(member.Clock()))
	return s.failed(s.ClientStream.SendMsg(m), true, m)
}

func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		s.silent.Store(false)
		s.link.Received()
	}
	return s.failed(err, true, nil)
}

// failed returns the error of a stream. m is the message of a failed SendMsg.
func (s *stream) failed(err error, sent bool, m any) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	limits := s.opener.limits().With(s.options)
	err = etcderr.FromRPC(err, etcderr.Call{
		Method: s.method, Endpoint: s.Endpoint(), Sent: sent && !limits.Unsendable(err, m), Cause: s.cause(err),
		ReceiveLimit: limits.Receive,
	})
	s.Refused(err)
	if errors.Is(err, etcderr.ErrNoLeader) {
		s.link.Leaderless()
	}
	return err
}

// linkEnded is the cause of a stream's end if the connection ended it, or its link.
type linkEnded struct{ reason error }

func (e *linkEnded) Error() string { return e.reason.Error() }

// nearly is how long before its deadline a stream may end because of it. The server knows the deadline, and may act
// on it first.
const nearly = 50 * time.Millisecond

// cause returns why this side ended the stream, or nil if it did not.
func (s *stream) cause(err error) error {
	deadline, timed := s.parent.Deadline()
	var link *linkEnded
	switch {
	case etcderr.OutcomeOf(etcderr.FromRPC(err, etcderr.Call{Method: s.method, Sent: true})) == etcderr.Rejected:
		return nil // the server did, and a context that ends with the stream has not ended it
	case errors.As(context.Cause(s.ctx), &link):
		return link.reason // the caller has cancelled nothing
	case s.ctx.Err() != nil && !errors.Is(context.Cause(s.ctx), context.Canceled):
		return tell.Ended(s.ctx)
	case s.parent.Err() != nil:
		return tell.Ended(s.parent)
	case status.Code(err) == codes.Internal && timed && time.Until(deadline) < nearly:
		// In the middle of a message gRPC reports that the stream was cut short, but not why.
		return context.DeadlineExceeded
	default:
		// The transport may end the stream before the link does.
		return s.link.Ended()
	}
}

// observe tells the hooks that the stream is being opened. When its context ends, which is at its end at the latest, a goroutine of
// the connection tells them why. gRPC tells of the end with a lock held, so the hooks are not called there.
func (o *opener) observe(s *stream) error {
	if len(o.hooks.Streams) == 0 {
		return nil
	}
	over := o.hooks.Stream(s.parent, hook.StreamInfo{Connection: o.picker.name, Method: s.method, Endpoint: s.Endpoint()})
	err := o.picker.life.Go(func(context.Context) {
		<-s.ctx.Done()
		o.telling.Add(1)
		defer o.telling.Add(-1)
		s.ended(context.Canceled) // unless gRPC has said more
		over(*s.reason.Load())
	})
	if err != nil {
		over(err)
	}
	return err
}

// errSilent is what hooks are told of a stream that its user has given up for its silence.
var errSilent = status.Error(codes.Unavailable, "the stream has been silent where an answer was due")

// ended records why a stream has ended, for its hooks: nil if its user or the server has ended it without an error. Err is gRPC's word.
// The first call counts, because everything else ends then too.
func (s *stream) ended(err error) {
	var why error
	cut := status.Code(err) == codes.Canceled || errors.Is(err, context.Canceled)
	cause := s.cause(err)
	switch {
	case err == nil:
	case cut && cause == nil && s.silent.Load():
		why = etcderr.FromRPC(errSilent, etcderr.Call{Method: s.method, Endpoint: s.Endpoint(), Sent: true})
	case cut && cause == nil && s.aborted.Load():
	case cut && errors.Is(s.parent.Err(), context.Canceled) && !errors.Is(context.Cause(s.parent), connerr.ErrClosed):
	default:
		why = etcderr.FromRPC(err, etcderr.Call{Method: s.method, Endpoint: s.Endpoint(), Sent: true, Cause: cause})
	}
	s.reason.CompareAndSwap(nil, &why)
}
