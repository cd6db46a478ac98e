// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"fmt"
	"strings"
)

// refusal is a sentinel of what this package refuses before anything is sent.
type refusal string

func (r refusal) Error() string { return string(r) }

// NotSent tells etcderr.OutcomeOf that the request never left the process.
func (refusal) NotSent() bool { return true }

// The errors of this package. Each is found by errors.Is in what Open, Lookup, Close or a call returns, and
// etcderr.OutcomeOf says NotSent of a call that was refused with one of them.
var (
	// ErrNotOpen: no connection is open under that name, or the request is bound to none.
	ErrNotOpen error = refusal("conn: not open")
	// ErrAlreadyOpen: a connection is open, or being opened, under that name.
	ErrAlreadyOpen error = refusal("conn: already open")
	// ErrClosed: the connection has been closed. A call that was under way when it closed has the outcome etcderr says.
	ErrClosed error = refusal("conn: closed")
	// ErrUnavailable: no endpoint that could take the request is Active.
	ErrUnavailable error = refusal("conn: no endpoint is active")
	// ErrEndpoint: an endpoint is malformed, given twice, or not one of the connection's; or none was given.
	ErrEndpoint error = refusal("conn: bad endpoint")
	// ErrOption: an option of Open has a value out of its range.
	ErrOption error = refusal("conn: bad option")
)

// unavailable is ErrUnavailable with the state of the endpoints in question. The text is made only when somebody
// reads it: with every endpoint frozen, calls fail at the rate their callers make them.
type unavailable struct {
	conn      string
	doing     string
	endpoints []Endpoint
	last      error // what the call met before, on an endpoint that was Active then; may be nil
}

func (e *unavailable) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: connection %q", ErrUnavailable, e.conn)
	if e.doing != "" {
		fmt.Fprintf(&b, ": %s", e.doing)
	}
	separator := ": "
	for _, ep := range e.endpoints {
		if ep.State == Active {
			continue
		}
		fmt.Fprintf(&b, "%s%s: %v", separator, ep.Address, ep.Err)
		separator = "; "
	}
	if e.last != nil {
		fmt.Fprintf(&b, " (before that: %v)", e.last)
	}
	return b.String()
}

// NotSent holds for the request as a whole: it is only retried, and so only gets here, while no attempt had an effect.
func (e *unavailable) NotSent() bool { return true }

func (e *unavailable) Unwrap() []error {
	causes := []error{ErrUnavailable}
	if e.last != nil {
		causes = append(causes, e.last)
	}
	for _, ep := range e.endpoints {
		if ep.Err != nil {
			causes = append(causes, ep.Err)
		}
	}
	return causes
}

// errNilContext is what a call without a parent context gets instead of a panic deep in gRPC.
var errNilContext error = refusal("conn: the parent context is nil")
