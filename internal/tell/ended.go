// SPDX-License-Identifier: Apache-2.0

package tell

import (
	"context"
	"errors"
)

// Ended returns in one line why a context ended: its error and, if there is one, its cause. errors.Is finds both. For
// a deadline as the cause, the text has the cause alone.
func Ended(ended context.Context) error {
	err, cause := ended.Err(), context.Cause(ended)
	if cause == nil || errors.Is(cause, err) || errors.Is(cause, context.DeadlineExceeded) {
		return Error(cause)
	}
	return &because{err, Error(cause)}
}

// because is a context's error with its cause. Its text is made on demand.
type because struct{ err, cause error }

func (b *because) Error() string   { return b.err.Error() + ": " + b.cause.Error() }
func (b *because) Unwrap() []error { return []error{b.err, b.cause} }
