// SPDX-License-Identifier: Apache-2.0

// Package etcderr has the error type of the SDK's calls, a sentinel for each of etcd's own errors, and the outcome of a
// failed call.
//
// Every call that fails on its way to a server or at a server returns an [*Error]. It says what the server answered,
// which endpoint that was, and whether the request may have taken effect. The sentinels have the names of etcd's
// rpctypes package:
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
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/internal/tell"
)

// Error is the failure of a call: on its way to a server, at the server, or on the way back. It is immutable and safe
// for concurrent use.
//
// [errors.Is] finds the sentinel of the server's answer in it (ErrCompacted and so on), [context.DeadlineExceeded] or
// [context.Canceled] if the call ended for that reason, and the cause if the SDK ended the call.
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
	ended    bool          // this side ended the call, and message is only gRPC's text for that
	silent   time.Duration // before that
}

// Code returns the gRPC status code of the failure. The page of a proxy that says that something is missing or has failed is
// Unavailable, whatever code gRPC makes of it.
func (e *Error) Code() codes.Code { return e.code }

// Message returns the server's own text, or gRPC's if no server answered. Of the answer of a proxy it returns an
// excerpt.
func (e *Error) Message() string { return e.message }

// Method returns the gRPC path of the call, such as "/etcdserverpb.KV/Put".
func (e *Error) Method() string { return e.method }

// Endpoint returns the last endpoint of the call, in the spelling given to conn.Open, or "" if none was chosen.
func (e *Error) Endpoint() string { return e.endpoint }

// Outcome says whether the request took effect.
func (e *Error) Outcome() Outcome { return e.outcome }

// NotSent reports whether the request never left this process. It is the same as Outcome() == NotSent.
func (e *Error) NotSent() bool { return e.outcome == NotSent }

// SafeToRetry reports whether the same request may be sent again: it cannot be applied twice, and another answer is
// possible. Either it was not sent, or a member refused it for a passing reason before proposing it. The SDK has
// already retried such a call until its deadline.
func (e *Error) SafeToRetry() bool {
	switch e.outcome {
	case NotSent:
		// A request that cannot be encoded, or is larger than this side's own limit, fails again in the same way.
		return e.code != codes.Internal && e.code != codes.ResourceExhausted
	case Rejected:
		return e.gate
	default:
		return false
	}
}

// GRPCStatus returns the failure as a gRPC status, so that status.Code and status.FromError work on the error.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.code, e.message) }

// Unwrap returns the server's sentinel, the context's error and the SDK's cause, as far as they apply.
func (e *Error) Unwrap() []error { return e.causes }

// As helps the page of conn/debug hide what an application keeps secret in the error of an earlier attempt, whose text is a part of this
// one. It finds nothing else. Use [errors.As].
func (e *Error) As(target any) bool { return e.before != nil && tell.AsPrivate(e.before, target) }

// Error returns one line with the call, the endpoint, the answer or the reason why there is none, and the outcome if it
// matters to the caller. If the last of several attempts was cut short, it also has the error of the attempt before.
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

// reason returns the beginning of the text. If this side ended the call, gRPC's message says nothing more.
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

// Call describes a failed call to [FromRPC].
type Call struct {
	Method   string // gRPC path
	Endpoint string // as given to conn.Open; "" if no endpoint was chosen
	Sent     bool   // the request may have left the process
	Cause    error  // why the SDK ended the call, if it did; may be nil

	Read         bool          // it changes nothing, so the text leaves its outcome out
	Silent       time.Duration // how long the endpoint had not answered when the SDK ended the call; 0: unknown
	Before       error         // of an earlier attempt, for the text alone; may be nil
	ReceiveLimit int           // the largest answer that this side accepts, in bytes; 0: gRPC's default of 4 MiB
}

func (c Call) receiveLimit() int {
	if c.ReceiveLimit > 0 {
		return c.ReceiveLimit
	}
	return defaultReceiveLimit
}

// FromRPC makes an [*Error] from the error of a gRPC call. It is for clients that use the generated stubs without
// package conn. It returns an [*Error] unchanged, and nil for nil. It is safe for concurrent use.
func FromRPC(err error, call Call) error {
	if err == nil {
		return nil
	}
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	// gRPC reports a context that ended before the call as the bare context error.
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	s = coded(s)
	e := &Error{
		code: s.Code(), message: excerpt(s.Message()), method: call.Method, endpoint: call.Endpoint,
		before: call.Before, read: call.Read,
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
		// The cause, added below, says it.
	case s.Code() == codes.DeadlineExceeded:
		e.causes = append(e.causes, context.DeadlineExceeded)
	case s.Code() == codes.Canceled && call.Cause == nil && row == nil:
		e.causes = append(e.causes, context.Canceled)
	}
	if call.Cause != nil {
		e.silent = call.Silent
		e.add(call.Cause)
	}
	return e
}

// WithCause returns a copy of e for a call that this side ended after the failure: cause says why no other attempt follows.
// errors.Is finds it in the copy, and the text names it. The outcome and the server's sentinel stay. A cause that is
// context.DeadlineExceeded sets the code, as in [FromRPC]. A nil cause adds nothing. It is safe for concurrent use.
func (e *Error) WithCause(cause error) *Error {
	with := *e
	with.causes = slices.Clone(e.causes)
	if cause != nil {
		with.add(cause)
	}
	return &with
}

// WithBefore returns a copy of e whose text also has the error of an earlier attempt of the same call. errors.Is does not look
// into that. It is safe for concurrent use.
func (e *Error) WithBefore(before error) *Error {
	with := *e
	with.before = before
	return &with
}

// add adds the reason why this side ended the call.
func (e *Error) add(cause error) {
	before := e.ended
	e.ended = before || rowOf(e.message) == nil && cutShort(e.code, e.message)
	e.causes = append(e.causes, cause)
	switch {
	case errors.Is(cause, context.DeadlineExceeded):
		e.code = codes.DeadlineExceeded
	case e.ended && (errors.Is(cause, context.Canceled) || status.Code(cause) == codes.Canceled):
		e.code = codes.Canceled
	case e.ended && !before && e.code == codes.Canceled:
		e.code = codes.Unavailable // the SDK took the call off its connection, and the caller cancelled nothing
	}
}

// coded sets the code of answers that carry only a text: a context error from etcd 3.4, an unsupported request from
// kine, a page of a proxy.
func coded(s *status.Status) *status.Status {
	if s.Code() != codes.Unknown && s.Code() != codes.Unimplemented {
		return s
	}
	if passing(pageOf(s.Message())) {
		return status.New(codes.Unavailable, s.Message())
	}
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

// cutShort reports whether gRPC's message only says that the call was ended. Inside a message it does not say why.
func cutShort(code codes.Code, message string) bool {
	switch code {
	case codes.Canceled, codes.DeadlineExceeded:
		return true
	case codes.Internal:
		return message == io.ErrUnexpectedEOF.Error() || strings.HasPrefix(message, "stream terminated by RST_STREAM")
	default:
		return false
	}
}

// judge decides what a failed call did to the cluster. The outcome is Unknown unless another one is proven.
func judge(s *status.Status, row *serverError, call Call) (o Outcome, gate bool) {
	switch {
	case !call.Sent, unprocessed(s):
		return NotSent, false
	case row != nil && (row.gate && composite(call.Method) || waits(call.Method) && refusesWait(row)):
		return Unknown, false
	case row != nil:
		return row.outcome, row.gate
	case pageOf(s.Message()) == http.StatusNotFound:
		return Rejected, true // the proxy knew no member to send the request to
	}
	switch s.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.FailedPrecondition,
		codes.OutOfRange, codes.Unimplemented, codes.Unauthenticated:
		// gRPC's transport never turns a broken connection into these codes, so a server, or a proxy before it,
		// refused.
		return Rejected, false
	default:
		return Unknown, false
	}
}

// unprocessed reports whether the server said by HTTP/2 that it has not looked at the request: it was retiring the
// connection, or refused the stream. gRPC itself sends such a request again only once.
func unprocessed(s *status.Status) bool {
	return s.Code() == codes.Unavailable &&
		(s.Message() == "the connection is draining" ||
			s.Message() == "stream terminated by RST_STREAM with error code: REFUSED_STREAM")
}

// composite reports whether the server turns the method into several requests of its own. A refusal at the gate of one
// of them says nothing about the earlier ones.
func composite(method string) bool {
	return strings.HasPrefix(method, "/v3lockpb.") || strings.HasPrefix(method, "/v3electionpb.")
}

// waits reports whether the server writes a key for the method and then waits for its turn, with requests of its own.
func waits(method string) bool {
	return method == "/v3lockpb.Lock/Lock" || method == "/v3electionpb.Election/Campaign"
}

// refusesWait reports whether a server may refuse the reads of such a wait, after it has written the key.
func refusesWait(row *serverError) bool {
	switch error(row) {
	case ErrPermissionDenied, ErrUserEmpty, ErrCompacted, ErrFutureRev, ErrCorrupt:
		return true
	default:
		return false
	}
}
