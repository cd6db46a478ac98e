// SPDX-License-Identifier: Apache-2.0

package tell

import (
	"context"
	"errors"
)

// Ended is why a context ended, in one line: its error and, where its owner gave one, the cause. errors.Is finds both. A
// deadline as the cause stands alone, since nobody cancels for that.
func Ended(ended context.Context) error {
	err, cause := ended.Err(), context.Cause(ended)
	if cause == nil || errors.Is(cause, err) || errors.Is(cause, context.DeadlineExceeded) {
		return Error(cause)
	}
	return &because{err, Error(cause)}
}

// because is a context's error with its cause. It is made where calls end, and its text only where somebody reads it.
type because struct{ err, cause error }

func (b *because) Error() string   { return b.err.Error() + ": " + b.cause.Error() }
func (b *because) Unwrap() []error { return []error{b.err, b.cause} }
