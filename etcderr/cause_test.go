// SPDX-License-Identifier: Apache-2.0

package etcderr_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/tell"
)

func errorOf(t *testing.T, code codes.Code, message string, call etcderr.Call) *etcderr.Error {
	t.Helper()
	call.Method, call.Endpoint = put, "a:1"
	var e *etcderr.Error
	if !errors.As(etcderr.FromRPC(status.Error(code, message), call), &e) {
		t.Fatal("not an *Error")
	}
	return e
}

func TestCopyWithACauseKeepsTheAnswerAndItsOutcome(t *testing.T) {
	why := errors.New("shutting down")
	for _, tt := range []struct {
		name    string
		answer  *etcderr.Error
		cause   error
		is      []error
		code    codes.Code
		outcome etcderr.Outcome
		text    string
	}{
		{"a deadline after a refusal", errorOf(t, codes.Unavailable, "etcdserver: no leader", etcderr.Call{Sent: true}), context.DeadlineExceeded,
			[]error{etcderr.ErrNoLeader, context.DeadlineExceeded}, codes.DeadlineExceeded, etcderr.Rejected,
			"etcdserver: no leader: context deadline exceeded"},
		{"a deadline after a refusal that is none of etcd's", errorOf(t, codes.PermissionDenied, "not today", etcderr.Call{Sent: true}),
			context.DeadlineExceeded, []error{context.DeadlineExceeded}, codes.DeadlineExceeded, etcderr.Rejected,
			"not today: context deadline exceeded"},
		{"the limit of a server", errorOf(t, codes.ResourceExhausted, "grpc: received message larger than max (5000000 vs. 4194304)",
			etcderr.Call{Sent: true, ReceiveLimit: 1 << 30}), why,
			[]error{etcderr.ErrRequestTooLarge, why}, codes.ResourceExhausted, etcderr.Rejected,
			"grpc: received message larger than max (5000000 vs. 4194304): etcdserver: request is too large: shutting down"},
		{"a request that was not sent", errorOf(t, codes.Unavailable, "connection refused", etcderr.Call{}), why,
			[]error{why}, codes.Unavailable, etcderr.NotSent, "connection refused: shutting down (not sent)"},
		{"a call that was ended already", errorOf(t, codes.Canceled, "context canceled", etcderr.Call{Sent: true, Cause: context.DeadlineExceeded,
			Silent: time.Second}), why,
			[]error{context.DeadlineExceeded, why}, codes.DeadlineExceeded, etcderr.Unknown,
			"no answer within 1s: context deadline exceeded: shutting down (outcome unknown)"},
		{"no cause", errorOf(t, codes.Unavailable, "etcdserver: no leader", etcderr.Call{Sent: true}), nil,
			[]error{etcderr.ErrNoLeader}, codes.Unavailable, etcderr.Rejected, "etcdserver: no leader"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.answer.Error()
			got := tt.answer.WithCause(tt.cause)
			for _, target := range tt.is {
				if !errors.Is(got, target) {
					t.Errorf("%v is not %v", got, target)
				}
			}
			if status.Code(got) != tt.code || got.Outcome() != tt.outcome {
				t.Errorf("code %v and outcome %v, want %v and %v", status.Code(got), got.Outcome(), tt.code, tt.outcome)
			}
			if want := "etcd: etcdserverpb.KV/Put at a:1: " + tt.text; got.Error() != want {
				t.Errorf("%q, want\n%q", got, want)
			}
			if tt.answer.Error() != before {
				t.Errorf("the original has become %q", tt.answer)
			}
		})
	}
}

func TestCopiesOfOneErrorDoNotShareTheirCauses(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	base := errorOf(t, codes.Unavailable, "etcdserver: no leader", etcderr.Call{Sent: true}).WithCause(context.Canceled)
	first, second := base.WithCause(one), base.WithCause(two)
	if !errors.Is(first, one) || errors.Is(first, two) || !errors.Is(second, two) || errors.Is(second, one) || errors.Is(base, one) {
		t.Errorf("%v; %v; %v", base, first, second)
	}
}

func TestCopyWithAnEarlierErrorOnlyTellsOfIt(t *testing.T) {
	e := errorOf(t, codes.Canceled, "context canceled", etcderr.Call{Sent: true, Cause: context.DeadlineExceeded})
	got := e.WithBefore(etcderr.ErrNoLeader)
	want := "etcd: etcdserverpb.KV/Put at a:1: context deadline exceeded (outcome unknown) (before that: etcdserver: no leader)"
	if got.Error() != want || errors.Is(got, etcderr.ErrNoLeader) || e.Error() == want {
		t.Errorf("%q of %q, want\n%q", got, e, want)
	}
}

func TestSecretOfAnEarlierErrorIsHiddenToo(t *testing.T) {
	e := errorOf(t, codes.Canceled, "context canceled", etcderr.Call{Sent: true, Cause: context.DeadlineExceeded})
	got := e.WithBefore(fmt.Errorf("asking: %w", tell.Private(errors.New("secret"), "it failed")))
	if text := tell.Public(fmt.Errorf("meanwhile: %w", got)); text != "it failed" {
		t.Errorf("a page shows %q", text)
	}
}
