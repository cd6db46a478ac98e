// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"errors"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wire/past"
	"github.com/eetcd-go/eetcd/watch"
)

// History is what a follower has told, for a later follower of the same range: see Spec. The zero History is nothing.
type History struct {
	seen *past.Past // of the connection
	told history
}

// on returns the history as a connection continues it. Another connection counts the histories anew, so their numbers mean nothing to
// it: it recognizes another history by the cluster and the revision only.
func (h History) on(seen *past.Past) history {
	if h.seen != seen {
		h.told.epoch = seen.Epoch()
	}
	h.told.certain = false
	return h.told
}

// history is what has been told of a store.
type history struct {
	rev     int64  // up to which everything has been told
	epoch   int64  // the number of the history, as the past of the connection counts it
	cluster uint64 // 0 until a list has named it
	age     int    // how many histories were told before this one
	begun   bool   // something has been told, or was known from the beginning
	certain bool   // the keys at rev are known, so that a watch needs no list
	over    bool   // the store has another history now
}

// told notes up to which revision a server has told everything.
func (h *history) told(rev int64) { h.rev = rev }

// listed notes that a list has told everything.
func (h *history) listed(last Step, epoch int64) {
	h.begun, h.certain, h.over = true, true, false
	h.rev, h.age, h.epoch = last.Rev, last.Age, epoch
	if cluster := last.Header.GetClusterId(); cluster != 0 {
		h.cluster = cluster
	}
}

// broken notes a failure: what has happened since rev cannot be told without a list.
func (h *history) broken(err error) {
	h.certain = false
	var rewound *watch.RewoundError
	if errors.As(err, &rewound) {
		h.over = true
	}
}

// isOver reports whether a list of that epoch is of another history. A list is linearizable, so its revision cannot be lower in the
// same one.
func (h *history) isOver(at *pb.ResponseHeader, epoch int64) bool {
	cluster := at.GetClusterId()
	other := cluster != 0 && h.cluster != 0 && cluster != h.cluster
	return h.begun && (h.over || other || epoch != h.epoch || at.GetRevision() < h.rev)
}
