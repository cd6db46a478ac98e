// SPDX-License-Identifier: Apache-2.0

package etcderr

import "errors"

// Outcome says what is known of a call's effect on the cluster.
type Outcome uint8

const (
	// None is the outcome of a nil error: the call succeeded.
	None Outcome = iota
	// NotSent means that the request never left this process: it has no effect, now or later.
	NotSent
	// Rejected means that a server refused the request: it has no effect, now or later.
	Rejected
	// Unknown means that the request may have been applied, or may yet be. Only a read can tell.
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

// notSender is what the SDK's local refusals implement: a request that could not be rendered, a connection that is
// not open. It lets packages that know nothing of this one state that nothing was sent.
type notSender interface{ NotSent() bool }

// OutcomeOf returns the outcome of the call that returned err: [None] for nil, [NotSent] for what the SDK refused
// itself (package ctx, package conn), the recorded outcome for an [Error] anywhere in err's tree, and [Unknown] for
// an error that did not come from this SDK. It is safe for concurrent use.
//
// The outermost of these in the tree has the word: a refusal may wrap why an endpoint is not in service, which is the
// outcome of another call, and a failed call may wrap the refusal that ended it.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return None
	}
	var said notSender
	if !errors.As(err, &said) {
		return Unknown
	}
	if e, ok := said.(*Error); ok {
		return e.outcome
	}
	if said.NotSent() {
		return NotSent
	}
	return Unknown
}
