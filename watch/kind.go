// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// kind is how the server at the other end of a stream deals with the IDs of watches. The first creation on a stream goes
// alone, and its answer shows the kind:
//
//	kind     IDs of watches                            creations         progress requests
//	unknown  until the first creation is answered      one at a time     not sent
//	member   takes the ones that it is given           any number        answered
//	chooser  chooses them itself, as etcd's proxy does one at a time     not sent: none is answered, and 3.4 panics
//	refuser  refuses those that it is given, as kine   one at a time     sent for a reader only
//
// Only a member answers creations in their order. With any other server the one creation under way is the one that is
// answered.
type kind uint8

const (
	unknown kind = iota
	member
	chooser
	refuser
)

// answerTime is how long a server other than a member may take to answer a creation. A proxy does not answer it at all
// when the members refuse it. It is less than what a creation may take by default, since others wait behind.
const answerTime = 3 * time.Second

// errUnanswered breaks a stream on which other creations would wait forever.
var errUnanswered = fmt.Errorf("watch: the server has not answered a creation within %v", answerTime)

// overdue reports whether a creation has been waiting for its answer for too long. The lock is held.
func (s *shared) overdue(now time.Time) bool {
	return s.kind != member && len(s.creates) > 0 && now.Sub(s.creates[0].sent) > answerTime
}

// punctual reports whether the servers of a version answer a progress request once no event up to the revision of the
// answer is still to come. Those before 3.4.25 and 3.5.8 answer with the revision of their store at once.
func punctual(version string) bool {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); n != 3 {
		return false
	}
	switch {
	case major != 3 || minor > 5:
		return major > 2
	case minor == 5:
		return patch >= 8
	default:
		return minor == 4 && patch >= 25
	}
}

// relies reports whether the watches may rely on progress responses for the stream as a whole. The lock is held.
func (s *shared) relies() bool {
	return s.kind != member || s.punctual
}

// changedElsewhere takes a response of a server other than a member, which splits none.
func (s *shared) changedElsewhere(w *Watcher, r *pb.WatchResponse) {
	at := &w.at
	last, trace := revisionOf(r), at.last
	at.fresh(r)
	if s.chained(w) {
		for _, e := range r.Events {
			if !trace.continues(e, at.next) {
				s.park(w) // the proxy has lost one
				at.room = true
				return
			}
			trace = traceOf(e)
		}
	}
	if r.Events = sift(w.request, r.Events); len(r.Events) > 0 && !s.deliver(w, r) {
		return
	}
	at.taken(last)
	at.last = trace
	if r.Header.GetRevision() == last {
		at.parks = 0
	}
	if s.kind == chooser && !at.widened && at.beyond == "" && at.stage == live && r.Header.GetRevision() > last {
		// There may be more to come of the history, and others on the same range: see widened, narrowed.
		s.park(w)
		at.room = true
	}
}
