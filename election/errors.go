// SPDX-License-Identifier: Apache-2.0

package election

import (
	"errors"

	"github.com/eetcd-go/eetcd/internal/recipe/claim"
)

// ErrLost says that a candidate no longer leads, or may no longer lead: its lease ended, its key was deleted, or the store went
// back to an earlier state. It is wrapped together with the reason.
var ErrLost = errors.New("election: leadership lost")

// ErrNotAcquired says that the leadership was not acquired, and that the function given to [Run] did not run. It is wrapped
// together with the reason, such as context.DeadlineExceeded. After the function has run, errors.Is never finds it, even if the
// function's own error contains it. It is the same value as lock.ErrNotAcquired.
var ErrNotAcquired = claim.ErrNotAcquired
