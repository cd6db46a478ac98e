// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"slices"

	"github.com/eetcd-go/eetcd/ctx"
)

// AlsoInvalid adds a conflict to err, so that all conflicts are reported at once. err is nil, or comes from [Check] or
// a rendering, and is not changed. Any other error is joined with the conflict.
func AlsoInvalid(err error, conflict string) error {
	var before *ctx.InvalidError
	switch {
	case errors.As(err, &before):
		return &ctx.InvalidError{Conflicts: append(slices.Clone(before.Conflicts), conflict)}
	case err != nil:
		return errors.Join(err, &ctx.InvalidError{Conflicts: []string{conflict}})
	default:
		return &ctx.InvalidError{Conflicts: []string{conflict}}
	}
}
