// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"errors"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/watch"
)

// history is what has been told of a store.
type history struct {
	rev     int64  // up to which everything has been told
	cluster uint64 // that told it, 0 before one is known
	begun   bool   // something has been told, or was known from the beginning
	certain bool   // the keys at rev are known, so that a watch needs no list
	over    bool   // the store has another history now
}

// told notes up to which revision a server has told everything.
func (h *history) told(rev int64, by *pb.ResponseHeader) {
	h.rev = rev
	if cluster := by.GetClusterId(); cluster != 0 {
		h.cluster = cluster
	}
}

// listed notes that a list has told everything.
func (h *history) listed(last Step) {
	h.begun, h.certain, h.over = true, true, false
	h.told(last.Rev, last.Header)
}

// broken notes a failure: what has happened since rev cannot be told without a list.
func (h *history) broken(err error) {
	h.certain = false
	var rewound *watch.RewoundError
	if errors.As(err, &rewound) {
		h.over = true
	}
}

// isOver reports whether a list is of another history. A list is linearizable, so its revision cannot be lower in the same one.
func (h *history) isOver(at *pb.ResponseHeader) bool {
	otherCluster := h.cluster != 0 && at.GetClusterId() != 0 && at.GetClusterId() != h.cluster
	return h.begun && (h.over || otherCluster || at.GetRevision() < h.rev)
}
