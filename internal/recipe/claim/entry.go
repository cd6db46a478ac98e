// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"slices"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/report"
)

// entry is what reports tell about a claim. A nil entry is that of the clean-up, which they leave out.
type entry struct {
	mu    sync.Mutex
	shown report.Claim
}

func newEntry(kind, name string) *entry {
	return &entry{shown: report.Claim{Kind: kind, Name: name, State: report.Joining, Since: time.Now()}}
}

func (e *entry) told() report.Claim {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.shown
}

// moves notes another state, with nothing ahead.
func (e *entry) moves(to report.ClaimState) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.enter(to)
	e.shown.Ahead, e.shown.Key, e.shown.KeyRev = 0, "", 0
	if to == report.Joining {
		e.shown.Lease, e.shown.Rev = 0, 0
	}
}

// enter notes another state. The lock is held.
func (e *entry) enter(to report.ClaimState) {
	if e.shown.State != to {
		e.shown.State, e.shown.Since = to, time.Now()
	}
}

// behind notes a place, and the keys that it waits for: some of the older ones, or none.
func (e *entry) behind(lease, rev int64, ahead []string, older []*mvccpb.KeyValue) {
	if e == nil || len(ahead) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.enter(report.Waiting)
	s := &e.shown
	s.Lease, s.Rev, s.Ahead, s.Key, s.KeyRev = lease, rev, len(ahead), ahead[0], 0
	if i := slices.IndexFunc(older, func(pair *mvccpb.KeyValue) bool { return string(pair.GetKey()) == s.Key }); i >= 0 {
		s.KeyRev = older[i].GetCreateRevision()
	}
}

// holds notes that it is the turn of a place.
func (e *entry) holds(lease, rev int64) {
	e.moves(report.Held)
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shown.Lease, e.shown.Rev = lease, rev
}
