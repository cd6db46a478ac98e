// SPDX-License-Identifier: Apache-2.0

package etcderr

import "errors"

// Outcome is the known effect of a call on the cluster.
type Outcome uint8

const (
	// None is the outcome of a nil error: the call succeeded.
	None Outcome = iota
	// NotSent means that the request never left this process: it has no effect, now or later.
	NotSent
	// Rejected means that a server refused the request: it has no effect, now or later.
	Rejected
	// Unknown means that the request may have been applied, or may be applied later. Only a read can tell.
	Unknown
)

// String returns "none", "not sent", "rejected" or "unknown".
func (o Outcome) String() string {
	switch o {
	case None:
		return "none"
	case NotSent:
		return "not sent"
	case Rejected:
		return "rejected"
	default:
		return "unknown"
	}
}

// notSender is implemented by the errors of requests that the SDK refused: an invalid request, a connection that is not
// open. So packages that do not import this one can report that nothing was sent.
type notSender interface{ NotSent() bool }

// recorder is implemented by the errors of calls.
type recorder interface{ Outcome() Outcome }

// OutcomeOf returns the outcome of the call that returned err: [None] for nil, [NotSent] if the SDK refused the
// request, the recorded outcome for an [Error] anywhere in err's tree, and [Unknown] for any other error. It is safe
// for concurrent use.
//
// The outermost of these errors counts. A refusal may wrap the reason why an endpoint is Frozen, which belongs to
// another call, and a failed call may wrap the refusal that ended it.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return None
	}
	var said notSender
	if !errors.As(err, &said) {
		return Unknown
	}
	if e, ok := said.(recorder); ok {
		return e.Outcome()
	}
	if said.NotSent() {
		return NotSent
	}
	return Unknown
}
