// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"errors"
	"slices"
	"strings"
)

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

// AlsoInvalid adds a conflict to those of err, for service packages that refuse more than options, so that all of them are
// told at once. Users of the SDK do not need it. err is nil or what [Ctx.Check] or a rendering method returned, and is left
// as it is; any other error is kept beside the conflict.
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
