// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// endedBy is a call whose caller has ended it for that reason.
func endedBy(t *testing.T, why error) *unary {
	parent, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	return &unary{shared: &common{Config: Config{Life: t.Context()}}, parent: parent}
}

func TestEndOfACallDoesNotChangeTheOutcomeOfItsLastAnswer(t *testing.T) {
	why := errors.New("shutting down")
	u := endedBy(t, why)
	tooLarge := etcderr.FromRPC(status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5000000 vs. 4194304)"),
		etcderr.Call{Sent: true, ReceiveLimit: 1 << 30})
	got := u.ended(tooLarge, nil)
	if etcderr.OutcomeOf(got) != etcderr.Rejected || !errors.Is(got, etcderr.ErrRequestTooLarge) || !errors.Is(got, why) {
		t.Errorf("of a request that the server found too large: %v", got)
	}
	refused := etcderr.FromRPC(status.Error(codes.Unauthenticated, "etcdserver: invalid auth token"), etcderr.Call{Sent: true})
	noToken := errors.New("the vault is closed")
	got = u.unrenewed(refused, noToken)
	if etcderr.OutcomeOf(got) != etcderr.Rejected || !errors.Is(got, etcderr.ErrInvalidAuthToken) || !errors.Is(got, why) {
		t.Errorf("of a token that was refused: %v", got)
	}
	u.parent = t.Context()
	if got = u.unrenewed(refused, noToken); !errors.Is(got, etcderr.ErrInvalidAuthToken) || !errors.Is(got, noToken) {
		t.Errorf("without another token: %v", got)
	}
}

func TestAttemptThatItsCallerCutShortTellsOfTheAttemptBefore(t *testing.T) {
	for _, why := range []error{nil, errors.New("shutting down")} {
		u := endedBy(t, why)
		cut := etcderr.FromRPC(status.Error(codes.Canceled, "context canceled"), etcderr.Call{Sent: true, Cause: tell.Ended(u.parent)})
		if got := u.ended(cut, nil); got != cut {
			t.Errorf("without an attempt before: %v", got)
		}
		got := u.ended(cut, etcderr.ErrNoLeader)
		if !strings.HasSuffix(got.Error(), "(before that: etcdserver: no leader)") || !errors.Is(got, context.Canceled) {
			t.Errorf("cut short because of %v: %v", why, got)
		}
	}
}
