// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// stage is the state of a watch on its stream. The lock of the stream guards it.
//
//	stage     event                                                 next stage
//	wanted    the creation is sent                                  creating
//	creating  the server confirms the creation                      live
//	          the server refuses the ID, or the wider range         wanted
//	live      the buffer is full                                    parking; on a paced stream draining
//	          a proxy has lost an event, or may lose the next one   reviving
//	          the reader of a paced stream keeps up                 homing
//	parking   the buffer has room again                             reviving
//	          the server confirms the cancellation                  parked
//	reviving  the server confirms the cancellation                  wanted; or parked, and moved to a paced stream
//	parked    the buffer has room again                             wanted, on this stream or on a paced one
//	draining  the server confirms the cancellation                  wanted, on the next stream
//	          events come without their previous values             reviving
//	homing    the server confirms the cancellation                  parked, and moved to a stream that it shares
//	          events come without their previous values             reviving
//	leaving   the server confirms the cancellation                  gone
//
// These events come in several stages:
//
//	the watch ends on this side    wanted and parked: gone; every other stage: leaving
//	the server ends the watch      gone
//	the stream breaks              parking and parked: parked; leaving: gone; every other stage: wanted
type stage uint8

const (
	wanted   stage = iota // waits until its creation is sent
	creating              // its creation was sent
	live                  // created; its events are taken
	parking               // cancelled because its buffer is full; later events are dropped
	reviving              // cancelled, to be created again where it stands; later events are dropped
	draining              // cancelled because its buffer is full; the events that the server has in hand are taken
	homing                // cancelled to go back to a stream that it shares; the events that the server has in hand are taken
	parked                // not on the server, until the buffer has room
	leaving               // cancelled, or to be cancelled once it is created, because the watch has ended
	gone                  // not on the stream
)

// takes reports whether the events that come are for the reader.
func (s stage) takes() bool { return s == live || s == draining || s == homing }

// over reports whether the watch has ended.
func (s stage) over() bool { return s == leaving || s == gone }

// position is how far a watch is: all that another stream needs to go on from there without a gap or a repetition.
type position struct {
	id    int64 // for the reader; it is never sent
	known int64 // the server's ID of the watch on this stream; 0 where the server is to choose it
	stage stage
	why   error     // why this side took the watch off the server
	since time.Time // since when the watch is live, or is not
	parks int       // how often the watch was parked since it was last in step

	// next is the revision to go on from; 0 means from now on, which only the server can turn into a number.
	next int64
	// seen is the highest revision whose events have been taken. An event at seen or below is a repetition.
	seen int64
	// ahead counts the events after next that the reader has already, as fragments of a response.
	ahead int
	// repeated counts the events of those that this stream has still to repeat.
	repeated int

	partial      []*mvccpb.Event // of a revision that may go on in the next fragment
	partialBytes int

	// large says that the events are large, so the server is asked to fragment its responses. It is not asked to do so for
	// many small events: a server takes time that grows with the square of their number, seconds for a fragment, and holds up
	// the stream. The most that it sends at once, a thousand revisions, is not too much to hold then.
	large bool

	begun bool  // a server has created the watch
	epoch int64 // the number of the history at that time

	widened  bool   // created on a wider range, which no other watch has
	confined bool   // the user may not watch a wider range
	beyond   string // where not "": created on a range that ends here, a little too early

	last   trace // the last event of a chained watch; see chain.go
	missed int64 // next when the store last had an event that the watch does not have

	// For the proof in quiet.go: next at the last look, and next when its history was gone.
	stayed, lost int64

	// A stream may begin before next, with events that are known: see overlap.go.
	base     int64 // events up to it are not for the watch
	doubtful bool  // the history before next was not compared since the stream was opened
	earlier  bool  // begins one revision before next, because of a lossy server
	resumed  int64 // next at the creation on this stream

	createdAt   int64 // the member's revision when it created the watch on this stream
	askedBefore int64 // how many progress requests were sent on this stream before the creation
	started     int64 // the start revision of the creation; 0: now
	denials     int   // refusals without a reason
	tardy       bool  // its creation was not answered in time
	wantsAnswer bool  // the reader asked for progress
}

func (p *position) begin(r *pb.WatchCreateRequest) {
	p.id, p.next, p.base = r.WatchId, r.StartRevision, r.StartRevision-1
}

// reset forgets what held on the last stream only.
func (p *position) reset() {
	p.partial, p.partialBytes = nil, 0
	p.repeated = p.ahead
	p.known, p.createdAt, p.askedBefore = 0, 0, 0
	p.widened, p.beyond, p.earlier = false, "", false
}

// lag is by how many revisions a healthy member may be behind another. A watch that starts after more than that is meant
// for the future.
const lag = 1000

// confirmed notes that a member at revision rev has created the watch under the ID known.
func (p *position) confirmed(known, rev int64) {
	p.known, p.createdAt = known, rev
	if p.next == 0 && rev > 0 {
		// A watch from now on. Events up to rev may still come, because a member reads its revision after it has created the
		// watch. If one comes, the watch goes on after it. If none comes, nothing between the creation and rev is missed.
		p.next, p.base = rev+1, rev
	}
}

// reached notes that no event up to rev is still to come.
func (p *position) reached(rev int64) {
	p.parks = 0
	if p.next == 0 && rev > 0 {
		p.base = rev // the server did not say from where on a watch from now on begins, as kine
	}
	if rev > 0 && rev >= p.next {
		p.doubtful = false
		p.next, p.ahead = rev+1, p.repeated
	}
}

// taken notes that all events of a response, up to rev, have been taken.
func (p *position) taken(rev int64) {
	p.next, p.seen, p.ahead, p.doubtful = rev+1, rev, p.repeated, false
}

// revisionOf is the revision of the last event in a response. Where it has none, it is the revision of its progress.
func revisionOf(r *pb.WatchResponse) int64 {
	if n := len(r.Events); n > 0 {
		return r.Events[n-1].Kv.ModRevision
	}
	return r.Header.GetRevision()
}

// fresh removes from r the events that have been taken before.
func (p *position) fresh(r *pb.WatchResponse) {
	if n := min(p.repeated, len(r.Events)); n > 0 {
		r.Events = r.Events[n:]
		p.repeated -= n
	}
	if len(r.Events) > 0 && r.Events[0].Kv.ModRevision <= p.seen {
		r.Events = slices.DeleteFunc(r.Events, func(e *mvccpb.Event) bool { return e.Kv.ModRevision <= p.seen })
	}
}

// A response of at least largeResponse bytes whose events have largeEvent bytes on average shows that the events are large.
const (
	largeEvent    = 4 << 10
	largeResponse = 4 << 20
)

// weigh notes whether a response shows that the events are large.
func (p *position) weigh(r *pb.WatchResponse, bytes int) {
	if bytes >= largeResponse && bytes/len(r.Events) >= largeEvent {
		p.large = true
	}
}

// assemble adds a response, or a fragment of one, and returns the events of complete revisions, nil if there are none. A
// server may cut a response between any two events. So the last revision of a fragment may go on in the next fragment, and
// its events are held back.
func (p *position) assemble(r *pb.WatchResponse) *pb.WatchResponse {
	if p.partial != nil {
		r.Events = append(p.partial, r.Events...)
		p.forget()
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
	p.partial = slices.Clone(r.Events[complete:]) // a copy, so that the other events can be freed
	p.partialBytes = bytesOf(p.partial)
	if complete == 0 {
		return nil
	}
	r.Events = r.Events[:complete:complete]
	return r
}

// forget drops the events that were held back.
func (p *position) forget() { p.partial, p.partialBytes = nil, 0 }
