// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/member"
)

const (
	retryMin = 20 * time.Millisecond
	retryMax = 500 * time.Millisecond
)

// retryWait is the pause before the n-th retry of a call, from 0: doubling, with full jitter in its upper half.
func retryWait(n int) time.Duration {
	d := retryMin << min(n, 10)
	d = min(d, retryMax)
	return d/2 + rand.N(d/2)
}

// again decides whether the request may and should be sent again after err.
func (u *unary) again(err error) bool {
	var e *etcderr.Error
	if !errors.As(err, &e) || u.parent.Err() != nil || u.conn.life.Err() != nil {
		return false
	}
	if u.options.pinned && errors.Is(err, etcderr.ErrNotSupportedForLearner) {
		return false
	}
	if e.Outcome() == etcderr.NotSent && u.link.Outside() {
		return false // nobody looks after that endpoint: the caller is told why it cannot be reached
	}
	if e.SafeToRetry() {
		return true
	}
	if u.traits&read == 0 || e.Outcome() != etcderr.Unknown {
		return false
	}
	switch e.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Aborted:
		return true
	case codes.Internal, codes.ResourceExhausted: // a reset stream, or a message that cannot be sent or taken
		return !hopeless(e.Message())
	default: // a server's own failure, which it would repeat
		return false
	}
}

// retriesMax is how often a read is sent again that has no deadline of any kind.
const retriesMax = 10

// pause waits before the next attempt, and reports whether there is to be one: false when the call's time is up.
func (u *unary) pause(attempt int, err error) bool {
	if u.deadline.IsZero() && u.traits&read != 0 && attempt >= retriesMax {
		return false
	}
	wait := retryWait(attempt)
	var e *etcderr.Error
	if attempt == 0 && errors.As(err, &e) && e.Outcome() != etcderr.Rejected {
		wait = 0 // the endpoint failed, not the cluster: another one can answer now
	}
	for n := attempt; ; n++ {
		if wait > 0 && !u.sleep(wait) {
			return false
		}
		if u.ctx.Err() != nil || (!u.deadline.IsZero() && !time.Now().Before(u.deadline)) {
			return false
		}
		if etcderr.OutcomeOf(err) == etcderr.NotSent || u.conn.budget.take() {
			return true
		}
		wait = retryWait(n)
	}
}

// sleep waits for d, but not beyond the deadline, the caller's context or the connection.
func (u *unary) sleep(d time.Duration) bool {
	if !u.deadline.IsZero() {
		d = min(d, time.Until(u.deadline))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-u.parent.Done():
	case <-u.conn.life.Done():
	}
	return false
}

// ended is the error of a call that gets no further attempt: the last answer, and why there is no other where the
// call's time or connection ended in between. An attempt that was cut short has no answer to tell; before, what the
// attempt ahead of it met, is then why the call was still under way.
func (u *unary) ended(err, before error) error {
	var e *etcderr.Error
	if !errors.As(err, &e) {
		return err
	}
	cause := u.cause()
	if cause == nil && !u.deadline.IsZero() && u.again(err) && !time.Now().Before(u.deadline) {
		cause = context.DeadlineExceeded
	}
	if cause == nil {
		return err
	}
	call := etcderr.Call{
		Method: e.Method(), Endpoint: e.Endpoint(), Sent: e.Outcome() != etcderr.NotSent, Cause: cause, Read: u.traits&read != 0,
	}
	if errors.Is(err, cause) {
		if before == nil {
			return err
		}
		call.Before, call.Silent = before, u.silence()
	}
	return etcderr.FromRPC(e.GRPCStatus().Err(), call)
}

// learn draws from a failed call what it says of the endpoint.
func (u *unary) learn(l *member.Link, err error) {
	switch {
	case errors.Is(err, etcderr.ErrNoLeader):
		l.Leaderless()
	case etcderr.OutcomeOf(err) == etcderr.Unknown && u.parent.Err() == nil:
		l.Doubt()
	}
}
