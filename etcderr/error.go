// SPDX-License-Identifier: Apache-2.0

// Package etcderr is the one error type of the SDK, the table of etcd's own errors, and what is known of a failed
// call's effect.
//
// Every call that fails on its way to or at a server returns an [*Error]. It answers the three questions of an
// outage: what the server said, which server, and whether the request may have taken effect. The errors etcd itself
// gives are sentinels under the names of etcd's rpctypes package:
//
//	_, err := kv.Put(ctx, c)
//	switch {
//	case err == nil:
//	case errors.Is(err, etcderr.ErrLeaseNotFound): // the lease is gone: grant a new one
//	case etcderr.OutcomeOf(err) == etcderr.Unknown: // read before you write again
//	}
package etcderr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/internal/tell"
)

// Error is a call that failed: on its way to a server, at the server, or on the way back. It is immutable and safe for
// concurrent use.
//
// [errors.Is] finds in it the sentinel of the server's answer (ErrCompacted and so on), [context.DeadlineExceeded] or
// [context.Canceled] where the call ended for that reason, and the cause where the SDK itself ended the call.
type Error struct {
	code     codes.Code
	message  string
	method   string
	endpoint string
	outcome  Outcome
	gate     bool
	causes   []error
	before   error
	read     bool
	ended    bool          // this side ended the call, and message is only gRPC's word for that
	silent   time.Duration // before that
}

// Code returns the gRPC status code the call ended with.
func (e *Error) Code() codes.Code { return e.code }

// Message returns the server's own text, or gRPC's where no server answered; of what a proxy answers instead, an excerpt.
func (e *Error) Message() string { return e.message }

// Method returns the gRPC path of the call, such as "/etcdserverpb.KV/Put".
func (e *Error) Method() string { return e.method }

// Endpoint returns the endpoint the call was last sent to, in the spelling given to conn.Open; "" where none was chosen.
func (e *Error) Endpoint() string { return e.endpoint }

// Outcome says whether the request took effect.
func (e *Error) Outcome() Outcome { return e.outcome }

// NotSent reports whether the request never left this process, as Outcome does.
func (e *Error) NotSent() bool { return e.outcome == NotSent }

// SafeToRetry reports whether the same request may be sent again without any risk of being applied twice, and with some
// hope of another answer: it was not sent, or a member turned it away for a passing reason before proposing it. The
// SDK has already retried such a call up to its deadline.
func (e *Error) SafeToRetry() bool {
	switch e.outcome {
	case NotSent:
		return e.code != codes.Internal // what cannot be encoded now cannot be encoded later
	case Rejected:
		return e.gate
	default:
		return false
	}
}

// GRPCStatus returns the failure as a gRPC status, so that status.Code and status.FromError work on the error.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.code, e.message) }

// Unwrap returns the server's sentinel, the context's error, and the cause given by the SDK: those that apply.
func (e *Error) Unwrap() []error { return e.causes }

// Error names the call, the endpoint, the answer or why there is none, and the outcome where it matters to the caller:
// in one line. Where the last of several attempts was cut short, it also tells what the one before it met.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("etcd: ")
	b.WriteString(strings.TrimPrefix(e.method, "/"))
	if e.endpoint != "" {
		b.WriteString(" at ")
		b.WriteString(e.endpoint)
	}
	said := e.reason()
	b.WriteString(": ")
	b.WriteString(said)
	for _, cause := range e.causes {
		if text := tell.Line(cause.Error()); !strings.Contains(said, text) {
			b.WriteString(": ")
			b.WriteString(text)
			said = text
		}
	}
	switch {
	case e.outcome == NotSent:
		b.WriteString(" (not sent)")
	case e.outcome == Unknown && !e.read:
		b.WriteString(" (outcome unknown)")
	}
	if e.before != nil {
		b.WriteString(" (before that: ")
		b.WriteString(e.before.Error())
		b.WriteString(")")
	}
	return b.String()
}

// reason is what the text begins with: what was answered. Where this side ended the call, gRPC tells no more than that.
func (e *Error) reason() string {
	switch {
	case !e.ended:
		return e.message
	case e.silent > 0:
		return fmt.Sprintf("no answer within %v", e.silent.Round(time.Millisecond))
	default:
		return tell.Line(e.causes[len(e.causes)-1].Error())
	}
}

// Call is what [FromRPC] must be told of a failed call.
type Call struct {
	Method   string // gRPC path
	Endpoint string // as given to conn.Open; "" where no endpoint was chosen
	Sent     bool   // the request may have left the process
	Cause    error  // why the SDK ended the call, if it did; may be nil

	Read         bool          // it changes nothing, so that its outcome is not worth a word
	Silent       time.Duration // for how long the endpoint had left it unanswered when the SDK ended it; 0: not known
	Before       error         // what an earlier attempt met, for the text alone; may be nil
	ReceiveLimit int           // the largest answer that this side takes, in bytes; 0: gRPC's default of 4 MiB
}

// FromRPC makes the [Error] of a failed gRPC call. It is meant for the code that sends requests (package conn) and for
// clients built on the generated stubs alone. An err that is an [*Error] already is returned as it is; nil stays nil.
func FromRPC(err error, call Call) error {
	if err == nil {
		return nil
	}
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	// gRPC reports a context that ended before the call began as the bare context error.
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	s = coded(s)
	e := &Error{
		code: s.Code(), message: excerpt(s.Message()), method: call.Method, endpoint: call.Endpoint, before: call.Before, read: call.Read,
	}
	row := rowOf(s.Message())
	switch limit, of := oversized(s); {
	case of == answer, of == message && limit == call.receiveLimit():
		e.causes = append(e.causes, answerTooLarge(limit))
	case of == message && row == nil:
		row = ErrRequestTooLarge.(*serverError)
	}
	if row != nil {
		e.causes = append(e.causes, row)
	}
	e.outcome, e.gate = judge(s, row, call)
	switch {
	case errors.Is(call.Cause, context.DeadlineExceeded), errors.Is(call.Cause, context.Canceled):
		// The cause below says it.
	case s.Code() == codes.DeadlineExceeded:
		e.causes = append(e.causes, context.DeadlineExceeded)
	case s.Code() == codes.Canceled && call.Cause == nil && row == nil:
		e.causes = append(e.causes, context.Canceled)
	}
	if call.Cause != nil {
		e.ended, e.silent = row == nil && cutShort(s), call.Silent
		e.causes = append(e.causes, call.Cause)
		switch {
		case errors.Is(call.Cause, context.DeadlineExceeded):
			e.code = codes.DeadlineExceeded
		case e.ended && errors.Is(call.Cause, context.Canceled):
			e.code = codes.Canceled
		}
	}
	return e
}

// coded gives a code to what servers send with its text alone: etcd 3.4 a context error, kine what it has not.
func coded(s *status.Status) *status.Status {
	if s.Code() != codes.Unknown {
		return s
	}
	if strings.HasSuffix(s.Message(), " is not supported") {
		return status.New(codes.Unimplemented, s.Message())
	}
	for _, err := range []error{context.DeadlineExceeded, context.Canceled} {
		if s.Message() == err.Error() {
			return status.FromContextError(err)
		}
	}
	return s
}

// cutShort reports whether gRPC only tells that the call was ended. In the middle of a message it does not say why.
func cutShort(s *status.Status) bool {
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded:
		return true
	case codes.Internal:
		return s.Message() == io.ErrUnexpectedEOF.Error() || strings.HasPrefix(s.Message(), "stream terminated by RST_STREAM")
	default:
		return false
	}
}

// judge decides what a failed call did to the cluster. What it cannot prove, it calls Unknown.
func judge(s *status.Status, row *serverError, call Call) (o Outcome, gate bool) {
	switch {
	case !call.Sent, unprocessed(s):
		return NotSent, false
	case row != nil && row.gate && composite(call.Method):
		return Unknown, false
	case row != nil:
		return row.outcome, row.gate
	}
	switch s.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.FailedPrecondition,
		codes.OutOfRange, codes.Unimplemented, codes.Unauthenticated:
		// gRPC's transport makes none of these from a broken connection, so a server, or a proxy before it, refused.
		return Rejected, false
	default:
		return Unknown, false
	}
}

// unprocessed reports whether the server told, in the words of HTTP/2, that it has not looked at the request: it was retiring
// the connection, or refused the stream. gRPC sends such a request again by itself, but once only.
func unprocessed(s *status.Status) bool {
	return s.Code() == codes.Unavailable &&
		(s.Message() == "the connection is draining" || s.Message() == "stream terminated by RST_STREAM with error code: REFUSED_STREAM")
}

// composite reports whether the server carries a method out as several requests of its own: an answer that stands at
// the gate of one of those says nothing of the ones before it.
func composite(method string) bool {
	return strings.HasPrefix(method, "/v3lockpb.") || strings.HasPrefix(method, "/v3electionpb.")
}
