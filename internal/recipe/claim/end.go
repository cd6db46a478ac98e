// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// ended returns why there is no further attempt: waiting has ended. last is the error of the attempt before, or nil.
func ended(waiting context.Context, last error) error {
	if last == nil {
		return tell.Ended(waiting)
	}
	return fmt.Errorf("%w; before that: %w", tell.Ended(waiting), last)
}

// Final reports whether a request that failed with err would fail in the same way again, here and on every other member.
func Final(err error) bool {
	return resume.Final(err) || !resume.Outage(err) && (errors.Is(err, connerr.ErrNotOpen) || errors.Is(err, ctx.ErrInvalid))
}
