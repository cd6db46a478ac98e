// SPDX-License-Identifier: Apache-2.0

package ctx

import "strings"

// ErrInvalid says that the request is invalid and was refused before it was sent. errors.Is finds it. The outcome
// (etcderr.OutcomeOf) is NotSent, and a retry cannot help.
var ErrInvalid error = invalid("ctx: invalid request")

// invalid has the method that etcderr.OutcomeOf looks for, because this package does not import etcderr.
type invalid string

func (e invalid) Error() string { return string(e) }

func (invalid) NotSent() bool { return true }

// InvalidError lists everything that is wrong with one request or one transaction. It wraps [ErrInvalid], and errors.As
// finds it.
type InvalidError struct {
	// Conflicts has one sentence for each conflict. It names the method that was called and the request that does not
	// take it, and shows no value. There is at least one conflict.
	Conflicts []string
}

// Error returns the conflicts on one line, separated by "; ".
func (e *InvalidError) Error() string {
	return strings.Join(e.Conflicts, "; ")
}

// Unwrap returns [ErrInvalid].
func (e *InvalidError) Unwrap() error {
	return ErrInvalid
}
