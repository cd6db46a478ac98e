// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// exchange is the requests to be sent on the open stream, and the state of those that were sent. The lock of the stream guards it.
type exchange struct {
	sender *wait.Errand // sends what next returns; nil until there is a stream

	known    map[int64]*feed // by the server's ID
	lastID   int64           // the last ID given to the server; each creation has a new one
	kind     kind
	punctual bool       // the server's progress responses do not overtake events
	lossy    bool       // the server loses the deletions at the revision of a compaction
	wants    []*feed    // to be created
	creates  []creation // sent and not answered
	cancels  []int64    // the server's IDs of watches to be cancelled
	report   bool       // a progress request is to be sent
	asked    int64      // progress requests sent
	answered int64      // progress responses received
	rev      int64      // the newest revision of the store that the server has told
}

// creation is a request to create a watch that has not been answered.
type creation struct {
	of    *feed
	ticks int // how many ticks of progressInterval have passed since
}

// start begins anew, on a stream that has just been opened.
func (e *exchange) start(punctual, lossy bool) {
	*e = exchange{sender: e.sender, known: map[int64]*feed{}, punctual: punctual, lossy: lossy}
}

// use takes what sends the requests on a stream that has just been opened.
func (e *exchange) use(sender *wait.Errand) {
	e.sender = sender
	e.signal()
}

// signal says that there may be something to send.
func (e *exchange) signal() {
	if e.sender != nil {
		e.sender.Run()
	}
}

// want queues the creation of a watch, behind all others or before them.
func (e *exchange) want(w *feed, first bool) {
	if first {
		e.wants = slices.Insert(e.wants, 0, w)
	} else {
		e.wants = append(e.wants, w)
	}
	e.signal()
}

// cancel queues the cancellation of the watch that the server knows by an ID.
func (e *exchange) cancel(known int64) {
	e.cancels = append(e.cancels, known)
	e.signal()
}

// next makes the next request. It returns nil where nothing is to be sent, or nothing may be sent yet. Up to revision same, the store
// has the history that was seen. The history before revision compacted is not to be had.
func (e *exchange) next(same, compacted int64) *pb.WatchRequest {
	if len(e.cancels) > 0 {
		known := e.cancels[0]
		e.cancels = e.cancels[1:]
		return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{
			CancelRequest: &pb.WatchCancelRequest{WatchId: known},
		}}
	}
	for len(e.wants) > 0 {
		if e.kind != member && len(e.creates) > 0 {
			return nil
		}
		w := e.wants[0]
		e.wants[0] = nil
		e.wants = e.wants[1:]
		if w.at.stage == wanted {
			return e.creationOf(w, same, compacted)
		}
	}
	e.wants = nil
	if e.report && len(e.known) > 0 && (e.kind == member || e.kind == refuser) {
		e.report = false
		e.asked++
		return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}}
	}
	return nil
}

// creationOf makes the request that creates a watch at its position, or a little before it.
//
// Each watch asks the server for notifications of its own progress, also where the reader does not want them. A progress
// response for the whole stream does not come while any watch on the stream catches up.
func (e *exchange) creationOf(w *feed, same, compacted int64) *pb.WatchRequest {
	at, asked := &w.at, w.request
	e.creates = append(e.creates, creation{of: w})
	at.stage, at.known, at.askedBefore = creating, 0, e.asked
	at.started, at.resumed = at.start(same, compacted), at.next
	at.widened, at.beyond = false, ""
	r := &pb.WatchCreateRequest{
		Key: asked.Key, RangeEnd: asked.RangeEnd, StartRevision: at.started, ProgressNotify: true,
		PrevKv: asked.PrevKv, Fragment: asked.Fragment || at.large,
	}
	switch e.kind {
	case unknown, member:
		// The ID is new, because a member may still have events in hand for a cancelled watch with an old one.
		e.lastID++
		at.known = e.lastID
		r.WatchId, r.Filters = at.known, asked.Filters
	case chooser:
		if key, end, ok := widened(asked); ok && !at.confined {
			r.Key, r.RangeEnd, at.widened = key, end, true
		} else if end, ok := narrowed(asked); ok {
			r.RangeEnd, at.beyond = end, string(end)
		} else {
			r.PrevKv = true // see chain.go
		}
	}
	return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: r}}
}

// answer takes the creation that was sent first off the list of those not answered.
func (e *exchange) answer() *feed {
	w := e.creates[0].of
	e.creates[0] = creation{}
	e.creates = e.creates[1:]
	w.at.tardy = false
	e.signal() // the next creation may be sent
	return w
}

const (
	// progressInterval is the length of a tick: the server is asked that often how far the watches are. Otherwise a watch on
	// which nothing happens would stay behind the history that is kept.
	progressInterval = time.Second
	// answerTicks is for how many ticks a server other than a member may leave a creation without an answer. A proxy never
	// answers a creation that the members refuse. The time is less than the default time of a creation, because others wait
	// behind it. A late tick counts once, so a process that was stopped does not blame the server.
	answerTicks = 3
)

// tick notes that another tick has passed, and reports whether the server owes the answer to a creation for too long.
func (e *exchange) tick() (overdue bool) {
	if e.kind == member || len(e.creates) == 0 {
		return false
	}
	first := &e.creates[0]
	if first.ticks++; first.ticks <= answerTicks {
		return false
	}
	first.of.at.tardy = true
	return true
}

// owes reports whether the server owes an answer.
func (e *exchange) owes() bool {
	return e.report && len(e.known) > 0 || len(e.creates) > 0
}

// waits reports whether the server waits for the start revision of a watch, as that of a watch from the next revision on while
// nothing is written. A member answers no progress request meanwhile.
func (e *exchange) waits() bool {
	for _, w := range e.known {
		if w.at.started > e.rev {
			return true
		}
	}
	return false
}

// relies reports whether watches may rely on the progress responses for the whole stream.
func (e *exchange) relies() bool {
	return e.kind != member || e.punctual
}
