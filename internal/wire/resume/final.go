// SPDX-License-Identifier: Apache-2.0

package resume

import (
	"errors"
	"slices"
	"strings"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// This file decides which failures end a stream for good, and which ones the next stream may not meet.

// stray reports whether err is a refusal that no etcd server makes. A load balancer refuses so, with an HTTP status such as 403,
// while it reloads its configuration. A 404 is no refusal here: see package etcderr.
func stray(err error) bool {
	var e *etcderr.Error
	if !errors.As(err, &e) || errors.Is(err, connerr.ErrEndpoint) || strings.HasPrefix(e.Message(), "etcdserver: ") {
		return false
	}
	return !slices.ContainsFunc(e.Unwrap(), func(cause error) bool {
		_, known := etcderr.FromMessage(cause.Error())
		return known
	})
}

// outdated is a stream that was refused for its token. The next one has another.
type outdated struct{ error }

func (o *outdated) Unwrap() error { return o.error }

// Outage reports whether err says that no stream can be had now: no endpoint is Active, or the members refuse the login, until
// they learn the password. What is under way waits. What waits for its first answer is to be told.
func Outage(err error) bool {
	var e *etcderr.Error
	return errors.Is(err, connerr.ErrUnavailable) || errors.As(err, &e) && e.Method() == pb.Auth_Authenticate_FullMethodName
}

// Final reports whether what failed with err would fail so again: the connection is closed, the endpoint is not one of it, or the
// server refuses what is asked for for more than a passing reason. An outage is never final, whatever the reasons of its endpoints.
func Final(err error) bool {
	return !Outage(err) && (errors.Is(err, connerr.ErrClosed) || errors.Is(err, connerr.ErrEndpoint) || refused(err))
}

// FinalAt is Final for what may be pinned to an endpoint. There, a learner stays the only one to ask.
func FinalAt(pinned bool, err error) bool {
	return Final(err) || pinned && errors.Is(err, etcderr.ErrNotSupportedForLearner) && !Outage(err)
}

// Refused reports whether the server refuses a request for more than a passing reason, and not for its token.
func Refused(to *engine.Conn, err error) bool { return refused(err) && !to.Renewable(err) }

func refused(err error) bool {
	var e *etcderr.Error
	return errors.As(err, &e) && e.Outcome() == etcderr.Rejected && !e.SafeToRetry()
}
