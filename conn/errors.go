// SPDX-License-Identifier: Apache-2.0

package conn

import "github.com/eetcd-go/eetcd/internal/connerr"

// The errors of this package. Each is found by errors.Is in what Open, Lookup, Close or a call returns, and
// etcderr.OutcomeOf says NotSent of a call that was refused with one of them. status.Code gives the code named here.
var (
	// ErrNotOpen: no connection is open under that name, or the request is bound to none. FailedPrecondition.
	ErrNotOpen error = connerr.ErrNotOpen
	// ErrAlreadyOpen: a connection is open, or being opened, under that name. AlreadyExists.
	ErrAlreadyOpen error = connerr.ErrAlreadyOpen
	// ErrClosed: the connection has been closed. A call that was under way when it closed has the outcome etcderr says.
	// Canceled.
	ErrClosed error = connerr.ErrClosed
	// ErrUnavailable: no endpoint that could take the request is Active. Unavailable, or DeadlineExceeded and Canceled of a
	// call that ended while it waited for one. errors.Is finds the reason of each endpoint in it, such as
	// etcderr.ErrAuthFailed. errors.As finds no *etcderr.Error there: what a member answers to a check is not its answer to
	// the call.
	ErrUnavailable error = connerr.ErrUnavailable
	// ErrEndpoint: an endpoint is malformed, given twice, or not one of the connection's; or none was given. InvalidArgument.
	ErrEndpoint error = connerr.ErrEndpoint
	// ErrOption: an option of Open has a value out of its range. InvalidArgument.
	ErrOption error = connerr.ErrOption
)
