// SPDX-License-Identifier: Apache-2.0

package etcderr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
)

const put = "/etcdserverpb.KV/Put"

// page is gRPC's text for an answer that does not speak gRPC.
var page = `unexpected HTTP status code received from server: 413 (Request Entity Too Large); transport: received unexpected content-type "text/html"` +
	"\ndata: \"<html>\\r\\n<head><title>413 Request Entity Too Large</title></head>" + strings.Repeat("<p>", 300)

func TestOutcomeClaimsOnlyWhatIsProven(t *testing.T) {
	cases := []struct {
		name string
		err  error
		sent bool
		in   string
		want etcderr.Outcome
		safe bool
	}{
		{"connection refused before the request left", status.Error(codes.Unavailable, "connection refused"), false, put, etcderr.NotSent, true},
		{"connection lost after the request left", status.Error(codes.Unavailable, "error reading from server: EOF"), true, put, etcderr.Unknown, false},
		{"cannot be encoded", status.Error(codes.Internal, "grpc: error while marshaling: invalid UTF-8"), false, put, etcderr.NotSent, false},
		{"the answer cannot be encoded", status.Error(codes.Internal, "grpc: error while marshaling: invalid UTF-8"), true, put, etcderr.Unknown, false},
		{"over the server's limit", status.Error(codes.ResourceExhausted, "grpc: received message larger than max (2500000 vs. 2097152)"), true, put, etcderr.Rejected, false},
		{"over this side's limit", status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5000000 vs. 4194304)"), true, put, etcderr.Unknown, false},
		{"over this side's limit once decompressed", status.Error(codes.ResourceExhausted, "grpc: received message after decompression larger than max 4194304"), true, put, etcderr.Unknown, false},
		{"over the length of an int", status.Error(codes.ResourceExhausted, "grpc: received message larger than max length allowed on current machine (4294967295 vs. 2147483647)"), true, put, etcderr.Unknown, false},
		{"an answer over the server's limit", status.Error(codes.ResourceExhausted, "trying to send message larger than max (4294967295 vs. 2147483647)"), true, put, etcderr.Unknown, false},
		{"an answer that cannot be decoded", status.Error(codes.Internal, "grpc: failed to unmarshal the received message: proto: wrong"), true, put, etcderr.Unknown, false},
		{"a page of a proxy", status.Error(codes.Unknown, page), true, put, etcderr.Unknown, false},
		{"a proxy that has no backend", status.Error(codes.Unimplemented, "unexpected HTTP status code received from server: 404 (Not Found)"), true, put, etcderr.Rejected, true},
		{"a proxy whose backend has failed", status.Error(codes.Unavailable, "unexpected HTTP status code received from server: 502 (Bad Gateway)"), true, put, etcderr.Unknown, false},
		{"a proxy that forbids it", status.Error(codes.PermissionDenied, "unexpected HTTP status code received from server: 403 (Forbidden)"), true, put, etcderr.Rejected, false},
		{"a server without the method", status.Error(codes.Unimplemented, "unknown method Put for service etcdserverpb.KV"), true, put, etcderr.Rejected, false},
		{"deadline while waiting", status.Error(codes.DeadlineExceeded, "context deadline exceeded"), true, put, etcderr.Unknown, false},
		{"deadline before the request left", context.DeadlineExceeded, false, put, etcderr.NotSent, true},
		{"server refuses", status.Error(codes.InvalidArgument, "etcdserver: key is not provided"), true, put, etcderr.Rejected, false},
		{"a refusal newer than the table", status.Error(codes.FailedPrecondition, "etcdserver: news"), true, put, etcderr.Rejected, false},
		{"an unavailability newer than the table", status.Error(codes.Unavailable, "etcdserver: news"), true, put, etcderr.Unknown, false},
		{"no leader at the gate", status.Error(codes.Unavailable, "etcdserver: no leader"), true, put, etcderr.Rejected, true},
		{"no leader in the middle of a lock", status.Error(codes.Unavailable, "etcdserver: no leader"), true, "/v3lockpb.Lock/Lock", etcderr.Unknown, false},
		{"no permission in the middle of a lock", status.Error(codes.PermissionDenied, "etcdserver: permission denied"), true, "/v3lockpb.Lock/Lock", etcderr.Unknown, false},
		{"no permission in the middle of a campaign", status.Error(codes.Unknown, "auth: permission denied"), true, "/v3electionpb.Election/Campaign", etcderr.Unknown, false},
		{"compacted in the middle of a campaign", status.Error(codes.OutOfRange, "etcdserver: mvcc: required revision has been compacted"), true, "/v3electionpb.Election/Campaign", etcderr.Unknown, false},
		{"a lock under a lease that is gone", status.Error(codes.NotFound, "etcdserver: requested lease not found"), true, "/v3lockpb.Lock/Lock", etcderr.Rejected, false},
		{"no permission to unlock", status.Error(codes.PermissionDenied, "etcdserver: permission denied"), true, "/v3lockpb.Lock/Unlock", etcderr.Rejected, false},
		{"right text, wrong code", status.Error(codes.Unknown, "etcdserver: too many requests"), true, put, etcderr.Rejected, true},
		{"raw text of 3.4", status.Error(codes.Unknown, "auth: revision in header is old"), true, put, etcderr.Rejected, true},
		{"raw text of 3.5", status.Error(codes.Unknown, "auth: permission denied"), true, put, etcderr.Rejected, false},
		{"words of kine", status.Error(codes.Unknown, "lease keep alive is not supported"), true, put, etcderr.Rejected, false},
		{"leader changed", status.Error(codes.Unavailable, "etcdserver: leader changed"), true, put, etcderr.Unknown, false},
		{"server stopped", status.Error(codes.Unavailable, "etcdserver: server stopped"), true, put, etcderr.Unknown, false},
		{"timed out", status.Error(codes.Unavailable, "etcdserver: request timed out"), true, put, etcderr.Unknown, false},
		{"unhealthy cluster", status.Error(codes.Unavailable, "etcdserver: unhealthy cluster"), true, put, etcderr.Rejected, false},
		{"reset stream", status.Error(codes.ResourceExhausted, "stream terminated by RST_STREAM"), true, put, etcderr.Unknown, false},
		{"refused stream", status.Error(codes.Unavailable, "stream terminated by RST_STREAM with error code: REFUSED_STREAM"), true, put, etcderr.NotSent, true},
		{"stream above the last one of a GOAWAY", status.Error(codes.Unavailable, "the connection is draining"), true, put, etcderr.NotSent, true},
		{"foreign", io.ErrUnexpectedEOF, true, put, etcderr.Unknown, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := etcderr.FromRPC(c.err, etcderr.Call{Method: c.in, Endpoint: "a:1", Sent: c.sent})
			if got := etcderr.OutcomeOf(fmt.Errorf("wrapped: %w", err)); got != c.want {
				t.Errorf("outcome %v, want %v", got, c.want)
			}
			var e *etcderr.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is no *etcderr.Error", err)
			}
			if e.SafeToRetry() != c.safe {
				t.Errorf("SafeToRetry %v, want %v", e.SafeToRetry(), c.safe)
			}
			if e.Method() != c.in || e.Endpoint() != "a:1" {
				t.Errorf("method %q at %q", e.Method(), e.Endpoint())
			}
		})
	}
}

type local struct{ error }

func (local) NotSent() bool { return true }

// because is a refusal with a reason.
type because struct {
	local
	reason error
}

func (b because) Unwrap() error { return b.reason }

func TestOutcomeOfErrorsThatAreNotCalls(t *testing.T) {
	call := etcderr.FromRPC(status.Error(codes.Unavailable, "gone"), etcderr.Call{Sent: true})
	refused := local{io.EOF}
	for _, c := range []struct {
		err  error
		want etcderr.Outcome
	}{
		{nil, etcderr.None},
		{io.EOF, etcderr.Unknown},
		{fmt.Errorf("x: %w", refused), etcderr.NotSent},
		{fmt.Errorf("refused, because a check failed: %w", because{refused, call}), etcderr.NotSent},
		{etcderr.FromRPC(status.Error(codes.Unavailable, "gone"), etcderr.Call{Sent: true, Cause: refused}), etcderr.Unknown},
	} {
		if got := etcderr.OutcomeOf(c.err); got != c.want {
			t.Errorf("OutcomeOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
}

func TestErrorWrapsTheReasonThatEndedTheCall(t *testing.T) {
	closed, frozen := status.Error(codes.Canceled, "connection closed"), errors.New("health check: no answer")
	cases := []struct {
		name  string
		err   error
		cause error
		is    []error
		isNot []error
		code  codes.Code
	}{
		{"server answer", status.Error(codes.OutOfRange, "etcdserver: mvcc: required revision has been compacted"), nil,
			[]error{etcderr.ErrCompacted}, []error{etcderr.ErrFutureRev, context.Canceled}, codes.OutOfRange},
		{"deadline of the context", status.Error(codes.DeadlineExceeded, "context deadline exceeded"), nil,
			[]error{context.DeadlineExceeded}, []error{context.Canceled}, codes.DeadlineExceeded},
		{"cancelled by the caller", status.Error(codes.Canceled, "context canceled"), nil,
			[]error{context.Canceled}, []error{context.DeadlineExceeded}, codes.Canceled},
		{"deadline noticed by 3.4", status.Error(codes.Unknown, "context deadline exceeded"), nil,
			[]error{context.DeadlineExceeded}, []error{context.Canceled}, codes.DeadlineExceeded},
		{"cancellation noticed by 3.4", status.Error(codes.Unknown, "context canceled"), nil,
			[]error{context.Canceled}, []error{context.DeadlineExceeded}, codes.Canceled},
		{"deadline set by the SDK", status.Error(codes.Canceled, "context canceled"), context.DeadlineExceeded,
			[]error{context.DeadlineExceeded}, []error{context.Canceled}, codes.DeadlineExceeded},
		{"last answer when the deadline passed", status.Error(codes.Unavailable, "etcdserver: no leader"), context.DeadlineExceeded,
			[]error{context.DeadlineExceeded, etcderr.ErrNoLeader}, nil, codes.DeadlineExceeded},
		{"closed by the SDK", status.Error(codes.Canceled, "the client connection is closing"), closed,
			[]error{closed}, []error{context.Canceled}, codes.Canceled},
		{"taken by the SDK off an endpoint that froze", status.Error(codes.Canceled, "context canceled"), frozen,
			[]error{frozen}, []error{context.Canceled}, codes.Unavailable},
		{"over gRPC's own limit", status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 2)"), nil,
			[]error{etcderr.ErrRequestTooLarge}, nil, codes.ResourceExhausted},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := etcderr.FromRPC(c.err, etcderr.Call{Method: put, Endpoint: "a:1", Sent: true, Cause: c.cause})
			for _, target := range c.is {
				if !errors.Is(err, target) {
					t.Errorf("%v is not %v", err, target)
				}
			}
			for _, target := range c.isNot {
				if errors.Is(err, target) {
					t.Errorf("%v is %v", err, target)
				}
			}
			if status.Code(err) != c.code {
				t.Errorf("code %v, want %v", status.Code(err), c.code)
			}
		})
	}
}

func TestErrorTextNamesCallEndpointAnswerAndOutcome(t *testing.T) {
	err := etcderr.FromRPC(status.Error(codes.Unavailable, "etcdserver: request timed out"),
		etcderr.Call{Method: put, Endpoint: "10.0.0.1:2379", Sent: true})
	for _, part := range []string{"etcdserverpb.KV/Put", "10.0.0.1:2379", "etcdserver: request timed out", "outcome unknown"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	if n := strings.Count(err.Error(), "timed out"); n != 1 {
		t.Errorf("%q says the same %d times", err, n)
	}
}

func TestErrorTextIsOneLineWithOneReason(t *testing.T) {
	shutdown := errors.New("shutting\ndown")
	cancelled := status.Error(codes.Canceled, "context canceled")
	answer := status.Error(codes.Unavailable, "etcdserver: no leader")
	for _, tt := range []struct {
		name string
		err  error
		call etcderr.Call
		want string
	}{
		{"a deadline of the SDK", cancelled, etcderr.Call{Sent: true, Cause: context.DeadlineExceeded},
			"context deadline exceeded (outcome unknown)"},
		{"and how long it waited", cancelled, etcderr.Call{Sent: true, Cause: context.DeadlineExceeded, Silent: 4999600 * time.Microsecond},
			"no answer within 5s: context deadline exceeded (outcome unknown)"},
		{"of a read", cancelled, etcderr.Call{Sent: true, Cause: context.DeadlineExceeded, Read: true}, "context deadline exceeded"},
		{"a deadline in gRPC", status.Error(codes.DeadlineExceeded, "context deadline exceeded"), etcderr.Call{Sent: true, Read: true},
			"context deadline exceeded"},
		{"a deadline that gRPC tells of at length", status.Error(codes.Canceled, "received context error while waiting for new LB policy update: context canceled"),
			etcderr.Call{Cause: context.DeadlineExceeded}, "context deadline exceeded (not sent)"},
		{"the caller's reason", cancelled, etcderr.Call{Sent: true, Cause: fmt.Errorf("%w: %w", context.Canceled, shutdown)},
			"context canceled: shutting down (outcome unknown)"},
		{"a deadline after an answer", answer, etcderr.Call{Sent: true, Cause: context.DeadlineExceeded},
			"etcdserver: no leader: context deadline exceeded"},
		{"an answer over this side's limit", status.Error(codes.ResourceExhausted, "grpc: received message larger than max (25 vs. 10)"),
			etcderr.Call{Sent: true, ReceiveLimit: 10},
			"grpc: received message larger than max (25 vs. 10): the answer is larger than the 10 bytes that this side takes (grpc.MaxCallRecvMsgSize) (outcome unknown)"},
	} {
		tt.call.Method, tt.call.Endpoint = put, "a:1"
		want := "etcd: etcdserverpb.KV/Put at a:1: " + tt.want
		if got := etcderr.FromRPC(tt.err, tt.call).Error(); got != want {
			t.Errorf("%s:\n%q, want\n%q", tt.name, got, want)
		}
	}
	text := etcderr.FromRPC(status.Error(codes.Unknown, page), etcderr.Call{Method: put}).Error()
	if len(text) > 400 || strings.Contains(text, "\n") || !strings.Contains(text, "413 (Request Entity Too Large)") {
		t.Errorf("of a page: %q", text)
	}
}

func TestFromRPCReturnsItsOwnErrorsAndNilUnchanged(t *testing.T) {
	if err := etcderr.FromRPC(nil, etcderr.Call{}); err != nil {
		t.Errorf("nil became %v", err)
	}
	first := etcderr.FromRPC(io.EOF, etcderr.Call{Method: put, Endpoint: "a:1"})
	if again := etcderr.FromRPC(first, etcderr.Call{Method: "/x", Endpoint: "b:1", Sent: true}); again != first {
		t.Errorf("%v became %v", first, again)
	}
}

func TestFromMessageFindsSentinels(t *testing.T) {
	err, ok := etcderr.FromMessage("etcdserver: mvcc: required revision has been compacted")
	if !ok || err != etcderr.ErrCompacted || status.Code(err) != codes.OutOfRange {
		t.Errorf("got %v, %v", err, ok)
	}
	if err, ok := etcderr.FromMessage("no such text"); ok || err != nil {
		t.Errorf("got %v, %v for an unknown text", err, ok)
	}
}

// FuzzErrorText checks that no text from a server breaks the error or its text.
func FuzzErrorText(f *testing.F) {
	f.Add(uint32(14), "etcdserver: no leader", true)
	f.Add(uint32(99), "", false)
	f.Add(uint32(2), "grpc: error while marshaling \x00%s", true)
	f.Fuzz(func(t *testing.T, code uint32, message string, sent bool) {
		if code == 0 {
			return // no error
		}
		err := etcderr.FromRPC(status.Error(codes.Code(code), message), etcderr.Call{Method: put, Sent: sent})
		text := err.Error()
		if short := len(message) <= 300 && !strings.ContainsAny(message, "\r\n"); short && !strings.Contains(text, message) {
			t.Errorf("%q lacks %q", err, message)
		}
		if strings.ContainsAny(text, "\r\n") || len(text) > 4*300+200 {
			t.Errorf("the text is long, or not one line: %q", text)
		}
		if !sent && etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("outcome %v of a request that was not sent", etcderr.OutcomeOf(err))
		}
	})
}
