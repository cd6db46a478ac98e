// SPDX-License-Identifier: Apache-2.0

package resume

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// answered is an answer of a server to a stream.
func answered(err error) error {
	return etcderr.FromRPC(err, etcderr.Call{Method: pb.Lease_LeaseKeepAlive_FullMethodName, Sent: true})
}

// TestOnlyFinalErrorsEndAStream has the first stream break with each error. Where that is not final, the second stream is served.
func TestOnlyFinalErrorsEndAStream(t *testing.T) {
	wrongPassword := etcderr.FromRPC(etcderr.ErrAuthFailed, etcderr.Call{Method: pb.Auth_Authenticate_FullMethodName, Sent: true})
	for _, tt := range []struct {
		name          string
		err           error
		final, pinned bool // final: to any endpoint; pinned: to one endpoint
	}{
		{"the user may not", answered(etcderr.ErrPermissionDenied), true, true},
		{"the server has no such method", answered(status.Error(codes.Unimplemented, "unknown service")), true, true},
		{"the history is compacted", answered(etcderr.ErrCompacted), true, true},
		{"the endpoint is none of the connection", fmt.Errorf("%w: no endpoint", connerr.ErrEndpoint), true, true},
		{"the member is a learner", answered(etcderr.ErrNotSupportedForLearner), false, true},
		{"the token is refused", answered(etcderr.ErrInvalidAuthToken), false, false},
		{"the member has no leader", answered(etcderr.ErrNoLeader), false, false},
		{"the member stops", answered(etcderr.ErrStopped), false, false},
		{"the connection breaks", answered(status.Error(codes.Unavailable, "reset")), false, false},
		{"the answer has no meaning", answered(status.Error(codes.Unknown, "?")), false, false},
		{"an error of the service", errors.New("silent for 5s"), false, false},
		{"no endpoint is Active", fmt.Errorf("%w: the user may not: %w", connerr.ErrUnavailable, etcderr.ErrPermissionDenied), false, false},
		{"the login is refused", wrongPassword, false, false},
		{"another connection is closed", connerr.Closed("another"), false, false},
	} {
		for pinned, final := range map[bool]bool{false: tt.final, true: tt.pinned} {
			t.Run(fmt.Sprintf("%s, pinned %v", tt.name, pinned), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					stream := open(t, newServer(t, silent))
					if stream.Pinned = pinned; pinned {
						stream.Endpoint = "a:1"
					}
					served, broken := 0, 0
					err := stream.Run(t.Context(), func(context.Context, engine.Stream) error {
						if served++; served == 1 {
							return tt.err
						}
						return nil
					}, func(error) { broken++ })
					if final && (served != 1 || broken != 0 || !errors.Is(err, tt.err)) {
						t.Errorf("%d streams, %d told to be broken, and the end is %v", served, broken, err)
					}
					if !final && (served != 2 || broken != 1 || err != nil) {
						t.Errorf("%d streams, %d told to be broken, and the end is %v", served, broken, err)
					}
				})
			})
		}
	}
}

func TestRefusalThatIsNotEtcdsOwnIsFinalOnlyUntilAServerHasServed(t *testing.T) {
	const page = "unexpected HTTP status code received from server: "
	forbidden, notFound := status.Error(codes.PermissionDenied, page+"403 (Forbidden)"), status.Error(codes.Unimplemented, page+"404 (Not Found)")
	for _, tt := range []struct {
		name          string
		err           error
		served, final bool
	}{
		{"a load balancer that forbids it, at first", answered(forbidden), false, true},
		{"a load balancer that forbids it, later", answered(forbidden), true, false},
		{"a load balancer without a member, at first", answered(notFound), false, false},
		{"a load balancer without a member, later", answered(notFound), true, false},
		{"a server without the method, at first", answered(status.Error(codes.Unimplemented, "unknown service")), false, true},
		{"etcd", answered(etcderr.ErrPermissionDenied), true, true},
		{"etcd 3.4", answered(status.Error(codes.Unknown, "auth: permission denied")), true, true},
		{"an etcd newer than this client", answered(status.Error(codes.FailedPrecondition, "etcdserver: news")), true, true},
		{"etcd's limit", answered(status.Error(codes.ResourceExhausted, "grpc: received message larger than max (3 vs. 2)")), true, true},
		{"the endpoint is none of the connection", fmt.Errorf("%w: no endpoint", connerr.ErrEndpoint), true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := open(t, newServer(t, silent))
				stream.Served = func() bool { return tt.served }
				n := 0
				err := stream.Run(t.Context(), func(context.Context, engine.Stream) error {
					if n++; n == 1 {
						return tt.err
					}
					return nil
				}, ignore)
				if final := err != nil && n == 1; final != tt.final {
					t.Errorf("after %d streams Run returned %v", n, err)
				}
			})
		})
	}
}
