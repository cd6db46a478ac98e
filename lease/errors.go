// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// ErrExpired ends a [Keeper] because no renewal was acknowledged within the TTL, so the server may have let the lease expire. The
// error of the Keeper wraps it, and the last problem with the renewals where there was one.
var ErrExpired = errors.New("lease: no renewal was acknowledged within the TTL")

// expired adds a reason to ErrExpired. The reason may be nil.
func expired(reason error) error {
	if reason == nil {
		return ErrExpired
	}
	return fmt.Errorf("%w: %w", ErrExpired, reason)
}

// notFound makes the error of a lease that is gone, where the server says so with a TTL and not with an error.
func notFound(method, endpoint string) error {
	return etcderr.FromRPC(status.Error(codes.NotFound, etcderr.ErrLeaseNotFound.Error()),
		etcderr.Call{Method: method, Endpoint: endpoint, Sent: true})
}

// silence breaks a stream because its member leaves renewals unanswered.
type silence struct {
	endpoint string
	lasted   time.Duration
}

func (s *silence) Error() string {
	return fmt.Sprintf("lease: %s has answered no renewal for %v", s.endpoint, s.lasted.Round(time.Millisecond))
}

var (
	errMoving  = errors.New("lease: the stream moves to the leader")
	errEnded   = errors.New("lease: the server has ended the stream")
	errLate    = errors.New("lease: the answer to the renewal took longer than the TTL")
	errRefused = errors.New("lease: the server has refused to renew a lease, and ended the stream")
)

// refusesOne reports whether a stream ended because of the one lease that was to be answered next. A server ends the whole stream
// where the user may not write a key that is attached to the lease.
func refusesOne(err error) bool { return errors.Is(err, etcderr.ErrPermissionDenied) }

// notKept makes the error of a call to KeepAlive whose context ended. met is the last problem before that; it may be nil.
func notKept(ended context.Context, sent bool, met error) error {
	return etcderr.FromRPC(ended.Err(), etcderr.Call{
		Method: pb.Lease_LeaseKeepAlive_FullMethodName, Sent: sent, Cause: tell.Ended(ended), Before: met,
	})
}
