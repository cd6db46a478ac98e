// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"time"
)

// ErrSilent is the reason why a request did not go over a quiet connection, which a NAT may have forgotten.
var ErrSilent = errors.New("the connection has been quiet, and gives no sign of life")

// Probe is a question for a sign of life.
type Probe struct {
	over   chan struct{} // closed by the answer, or after the time for one
	silent bool          // the result, once over
}

// Wait waits for a sign of life, and reports whether one came.
func (p *Probe) Wait(parent context.Context, deadline time.Time) bool {
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		parent, cancel = context.WithDeadline(parent, deadline)
		defer cancel()
	}
	select {
	case <-p.over:
		return !p.silent
	case <-parent.Done():
		return false
	}
}
