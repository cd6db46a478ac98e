// SPDX-License-Identifier: Apache-2.0

package election

import (
	"errors"

	"github.com/eetcd-go/eetcd/internal/recipe/claim"
)

// ErrLost says that a candidate no longer leads, or may no longer lead. Its lease ended, its key was deleted or put without its
// lease, or the store went back to an earlier state. It is wrapped together with the reason.
var ErrLost = errors.New("election: leadership lost")

// ErrNotAcquired says that the leadership was not acquired, and that the function given to [Run] did not run. It is wrapped
// together with the reason, such as context.DeadlineExceeded. If the function has run, errors.Is does not find ErrNotAcquired in
// the error, even if the function returned it. It is the same value as lock.ErrNotAcquired.
var ErrNotAcquired = claim.ErrNotAcquired
