// SPDX-License-Identifier: Apache-2.0

package ctx

import "strings"

// ErrInvalid is the errors.Is target of every request that was refused before it was sent because
// it makes no sense. Its etcderr.Outcome is NotSent, and sending the request again cannot help.
var ErrInvalid error = invalid("ctx: invalid request")

// invalid tells etcderr.OutcomeOf, which this package does not import, that nothing was sent.
type invalid string

func (e invalid) Error() string { return string(e) }

func (invalid) NotSent() bool { return true }

// InvalidError lists everything that is wrong with one request, or with one transaction. It is
// [ErrInvalid]; errors.As gives access to the single conflicts.
type InvalidError struct {
	// Conflicts has one sentence per conflict, which names the method that was called and the
	// request that has no place for it. There is at least one, and none tells a value.
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
