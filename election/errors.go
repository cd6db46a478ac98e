// SPDX-License-Identifier: Apache-2.0

package election

import (
	"errors"

	"github.com/eetcd-go/eetcd/internal/recipe/claim"
)

// ErrLost says that a candidate does not lead any more, or may not: its lease ended, or its key is gone, or the store has
// been put back to an earlier state. It comes wrapped together with the reason.
var ErrLost = errors.New("election: leadership lost")

// ErrNotAcquired says that there was no leadership, and that the function given to [Run] has not run. It comes wrapped
// together with the reason, such as context.DeadlineExceeded. Where the function has run errors.Is never finds it, also
// where the function's own error has it. It is lock.ErrNotAcquired, too.
var ErrNotAcquired = claim.ErrNotAcquired
