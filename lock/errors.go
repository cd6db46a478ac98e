// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"errors"

	"github.com/eetcd-go/eetcd/internal/recipe/claim"
)

// ErrLost says that a lock is not held any more, or may not be: its lease ended, or its key is gone, or the store has been
// put back to an earlier state. It comes wrapped together with the reason.
var ErrLost = errors.New("lock: lost")

// ErrNotAcquired says that there was no lock, and that the function given to [Do] or [Try] has not run. It comes wrapped
// together with the reason, such as context.DeadlineExceeded. Where the function has run errors.Is never finds it, also
// where the function's own error has it. It is election.ErrNotAcquired, too.
var ErrNotAcquired = claim.ErrNotAcquired
