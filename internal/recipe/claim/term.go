// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/lease"
)

// Term is the time in which a claim is held with a lease of its own. Its methods are safe for concurrent use.
type Term struct {
	keeper *lease.Keeper
	over   atomic.Pointer[time.Time] // when it ended before its lease, or nil
}

// end ends the term now, unless it is over.
func (t *Term) end() {
	now := time.Now()
	t.over.CompareAndSwap(nil, &now)
}

// ValidUntil returns the time until which the claim is known to be held. It is in the past when the term is over. Without a term it
// is the zero time.
func (t *Term) ValidUntil() time.Time {
	if t == nil {
		return time.Time{}
	}
	until := t.keeper.ValidUntil()
	if over := t.over.Load(); over != nil && over.Before(until) {
		return *over
	}
	return until
}
