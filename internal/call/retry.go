// SPDX-License-Identifier: Apache-2.0

package call

import (
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/eetcd-go/eetcd/etcderr"
)

const (
	retryMin = 20 * time.Millisecond
	retryMax = 500 * time.Millisecond
)

// retryWait returns the pause before the n-th retry of a call, from 0. It doubles, with full jitter in its upper
// half.
func retryWait(n int) time.Duration {
	d := retryMin << min(n, 10)
	d = min(d, retryMax)
	return d/2 + rand.N(d/2)
}

// decisive reports whether a read that failed with err has its answer: etcd has refused it for more than a passing reason, and not
// for want of a token.
func decisive(err error) bool {
	var e *etcderr.Error
	if !errors.As(etcderr.FromRPC(err, etcderr.Call{Sent: true}), &e) || e.Outcome() != etcderr.Rejected || e.SafeToRetry() {
		return false
	}
	_, known := etcderr.FromMessage(e.Message())
	return known && !errors.Is(e, etcderr.ErrUserEmpty)
}

// repeatable reports whether a request of this kind may and should be sent again after err. It goes to another
// endpoint unless it is pinned to one.
func repeatable(err error, t traits, pinned bool) bool {
	var e *etcderr.Error
	if !errors.As(err, &e) {
		return false
	}
	if pinned && errors.Is(err, etcderr.ErrNotSupportedForLearner) {
		return false
	}
	if e.SafeToRetry() {
		return true
	}
	if t&read == 0 || e.Outcome() != etcderr.Unknown {
		return false
	}
	switch e.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Aborted:
		return true
	case codes.Internal, codes.ResourceExhausted: // a reset stream, or a message that cannot be sent or taken
		return !hopeless(e.Message())
	default: // a failure of the server, which another attempt would meet again
		return false
	}
}
