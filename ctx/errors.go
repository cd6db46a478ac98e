// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"errors"
	"slices"
	"strings"
)

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

// AlsoInvalid adds a conflict to err, so that all conflicts are reported at once. Service packages use it for what they
// check themselves, and users of the SDK do not need it. err is nil or comes from [Ctx.Check] or a rendering method,
// and is not changed. Any other error is joined with the conflict.
func AlsoInvalid(err error, conflict string) error {
	var before *InvalidError
	switch {
	case errors.As(err, &before):
		return &InvalidError{Conflicts: append(slices.Clone(before.Conflicts), conflict)}
	case err != nil:
		return errors.Join(err, &InvalidError{Conflicts: []string{conflict}})
	default:
		return &InvalidError{Conflicts: []string{conflict}}
	}
}
