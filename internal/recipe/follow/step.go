// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"errors"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// Step is what has changed since the step before it: whole revisions, or a part of a list.
type Step struct {
	// Rev is the revision that a copy of the keys shows after this step, unless More parts follow.
	Rev    int64
	Header *pb.ResponseHeader // of the server's answer; its Revision may be higher than Rev
	// Events are in the order of their revisions. In a part of a list they are in the order of the keys: each key that was put
	// since it was told, and a deletion for each key that is gone, at the revision of the list.
	Events []*mvccpb.Event

	// Part counts the parts of a list from 1; it is 0 for what a watch has reported. Part 1 replaces the parts of an earlier list
	// that was not complete: a copy begins again with what it showed before that.
	Part int
	More bool // more parts of the same list follow
	// Resync says that the list is not the first one. What happened in between is told as a difference only.
	Resync bool
	// Age counts the histories of the store that ended before this one, as far as the follower has noticed them. A revision means
	// something within one age only.
	Age int
	// Rewound says that the list is of another history than what was told before. It tells every key, as its revisions mean
	// something else now.
	Rewound bool
}

// errLeft says that the reader has left its loop.
var errLeft = errors.New("follow: the reader has left")
