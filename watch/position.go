// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// stage is where a watch stands with the server.
type stage uint8

const (
	wanted   stage = iota // is to be created on the stream
	creating              // creation was sent
	live                  // created; its events are taken
	parking               // cancellation was sent, because the buffer is full; its events are dropped
	draining              // cancellation was sent on a stream of its own; what still comes is taken
	parked                // not on the server, until there is room in the buffer
	leaving               // cancellation was sent, or will be as soon as it is created, because the watch has ended
	gone                  // not on the stream
)

// position is how far a watch is: what it takes to go on from there on another stream without a gap or a repetition.
type position struct {
	id    int64 // for the reader: never sent
	known int64 // under which the server knows the watch on this stream; 0 where it is to choose
	stage stage
	since time.Time // since when it is live, or not
	room  bool      // while parking: there is room again
	home  bool      // while draining: it goes back to a stream that it shares
	parks int       // since it was in step

	// next is the revision to go on from; 0 means from now on, which only the server can turn into a number.
	next int64
	// seen is the highest revision whose events have been taken: what is not above it is a repetition.
	seen int64
	// ahead counts the events beyond next that have been handed on already as fragments of a response.
	ahead int
	// repeated counts the events still to come of those.
	repeated int

	partial      []*mvccpb.Event // of a revision that may go on in the next fragment
	partialBytes int

	// large says that the server is to fragment its responses, as the events have proved to be large. For many small ones
	// it would take time that grows with the square of their number, seconds for a fragment, and hold up the whole stream
	// meanwhile; and the most that it sends at once, a thousand revisions, is not too much to hold then.
	large bool

	begun bool  // a server has created it
	epoch int64 // of the history in which that was

	widened  bool   // created on a range of its own, which is wider
	confined bool   // the user may not watch more than what is asked for
	beyond   string // created on a range of its own, which ends here, a hair too early

	last   trace // the last event, where it matters; see chain.go
	missed int64 // next when the store had more than the watch

	// For the proof of quiet.go: next when it was last looked at, and where the history from next on is gone.
	stayed, lost int64

	createdAt   int64 // the revision of the member when it created the watch on this stream
	askedBefore int64 // progress requests sent on this stream before the creation
	denials     int   // refusals without a reason
	tardy       bool  // its creation was not answered in time
	wantsAnswer bool  // the reader asked for progress
}

func (p *position) begin(r *pb.WatchCreateRequest) {
	p.id, p.next = r.WatchId, r.StartRevision
}

// reset forgets what held on a stream that is over.
func (p *position) reset() {
	p.partial, p.partialBytes, p.home = nil, 0, false
	p.repeated = p.ahead
	p.known, p.createdAt, p.askedBefore = 0, 0, 0
	p.widened, p.beyond = false, ""
}

// lag is by how many revisions a healthy member may be behind another. A watch that starts after more than that is meant
// for the future.
const lag = 1000

// confirmed notes that a member whose revision is rev has created the watch, and knows it as known.
func (p *position) confirmed(known, rev int64) {
	p.known, p.createdAt = known, rev
	if p.next == 0 && rev > 0 {
		// From now on: events up to rev may still come, since a member reads its revision after it has created the watch.
		// If one does, the watch goes on after that one; if none does, all that is missed is older than the creation.
		p.next = rev + 1
	}
}

// reached notes that no event up to rev is still to come.
func (p *position) reached(rev int64) {
	p.parks = 0
	if rev >= p.next {
		p.next, p.ahead = rev+1, p.repeated
	}
}

// taken notes that the events of a whole response, up to rev, have been taken.
func (p *position) taken(rev int64) {
	p.next, p.seen, p.ahead = rev+1, rev, p.repeated
}

// revisionOf is the revision of the last event of a response, or that of its progress.
func revisionOf(r *pb.WatchResponse) int64 {
	if n := len(r.Events); n > 0 {
		return r.Events[n-1].Kv.ModRevision
	}
	return r.Header.GetRevision()
}

// fresh removes from r what has been taken before.
func (p *position) fresh(r *pb.WatchResponse) {
	if n := min(p.repeated, len(r.Events)); n > 0 {
		r.Events = r.Events[n:]
		p.repeated -= n
	}
	if len(r.Events) > 0 && r.Events[0].Kv.ModRevision <= p.seen {
		r.Events = slices.DeleteFunc(r.Events, func(e *mvccpb.Event) bool { return e.Kv.ModRevision <= p.seen })
	}
}

// Events of this size on average, and more of them at once than this, are to be sent in fragments from then on.
const (
	largeEvent    = 4 << 10
	largeResponse = 4 << 20
)

// weigh notes whether a response proves the events to be large.
func (p *position) weigh(r *pb.WatchResponse, bytes int) {
	if bytes >= largeResponse && bytes/len(r.Events) >= largeEvent {
		p.large = true
	}
}

// assemble adds a response, or a fragment of one, and returns the revisions that are complete, nil if none is. Fragments
// are cut between any two events, so the last revision of one may go on in the next; no more than that is held back.
func (p *position) assemble(r *pb.WatchResponse) *pb.WatchResponse {
	if p.partial != nil {
		r.Events = append(p.partial, r.Events...)
		p.partial, p.partialBytes = nil, 0
	}
	if !r.Fragment || len(r.Events) == 0 {
		return r
	}
	r.Fragment = false
	last := revisionOf(r)
	complete := len(r.Events)
	for complete > 0 && r.Events[complete-1].Kv.ModRevision == last {
		complete--
	}
	p.partial = slices.Clone(r.Events[complete:]) // not to keep the others
	p.partialBytes = bytesOf(p.partial)
	if complete == 0 {
		return nil
	}
	r.Events = r.Events[:complete:complete]
	return r
}
