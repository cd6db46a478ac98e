// SPDX-License-Identifier: Apache-2.0

package table

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// place is where a table stands in the history of a store.
type place struct {
	rev     int64
	cluster uint64 // that told it
	age     int    // of the history, see follow.Step
}

// precedes reports whether a linearizable read that began when the table was at p may have got this answer from the same history.
func (p place) precedes(h *pb.ResponseHeader) bool {
	other := p.cluster != 0 && h.GetClusterId() != 0 && h.GetClusterId() != p.cluster
	return !other && h.GetRevision() >= p.rev
}

// after returns the place that a step of the follower leads to.
func (p place) after(step follow.Step) place {
	next := place{rev: step.Rev, cluster: step.Header.GetClusterId(), age: step.Age}
	if next.age != p.age {
		return next
	}
	next.rev = max(next.rev, p.rev) // a proof may have been faster than the watch
	if next.cluster == 0 {
		next.cluster = p.cluster
	}
	return next
}
