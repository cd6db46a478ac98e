// SPDX-License-Identifier: Apache-2.0

package conn

import "github.com/eetcd-go/eetcd/internal/connerr"

// The errors of this package. errors.Is finds them in the errors of Open, Lookup, Close and calls. The outcome
// (etcderr.OutcomeOf) of a call that was refused with one of them is NotSent. Each names its gRPC code, which
// status.Code returns.
var (
	// ErrNotOpen: no connection is open under that name, or the request names none. FailedPrecondition.
	ErrNotOpen error = connerr.ErrNotOpen
	// ErrAlreadyOpen: a connection is open, or is being opened, under that name. AlreadyExists.
	ErrAlreadyOpen error = connerr.ErrAlreadyOpen
	// ErrClosed: the connection is closed. etcderr.OutcomeOf has the outcome of a call that was under way at that time.
	// Canceled.
	ErrClosed error = connerr.ErrClosed
	// ErrUnavailable: no endpoint that could take the request is Active, for longer than WithPatience or than the call's
	// own time. Unavailable; DeadlineExceeded or Canceled for a call whose context ended while it waited. errors.Is
	// finds the reason of each endpoint in it, such as etcderr.ErrAuthFailed. errors.As finds no *etcderr.Error in it,
	// because a member's answer to a check is not an answer to the call.
	ErrUnavailable error = connerr.ErrUnavailable
	// ErrEndpoint: an endpoint is malformed, given twice, missing, or not an endpoint of the connection.
	// InvalidArgument.
	ErrEndpoint error = connerr.ErrEndpoint
	// ErrOption: an option has a value out of its range. InvalidArgument.
	ErrOption error = connerr.ErrOption
)
