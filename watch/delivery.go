// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// delivery is the way of responses from a stream to the buffer of one watch. The lock of the stream is held meanwhile.
type delivery struct {
	*shared
	w *feed
}

// take takes events, or the watch's own progress.
func (d delivery) take(r *pb.WatchResponse) {
	at := &d.w.at
	if len(r.Events) == 0 {
		if !d.w.request.ProgressNotify || d.put(r) {
			at.reached(r.Header.GetRevision())
		}
		return
	}
	if r.Events[0].Kv.ModRevision < at.resumed {
		if !dropKnown(d.w, r) && !d.mayTellLate() {
			d.other = d.w
		}
		if d.other != nil || len(r.Events) == 0 {
			return
		}
	}
	if d.lackPrevious(r.Events) {
		at.stage, at.why = reviving, errNoPrevious
		at.forget()
		d.notice(d.w)
		return
	}
	if d.kind != member {
		d.takeUnsplit(r)
		return
	}
	if d.w.request.Fragment {
		d.takePart(r)
		return
	}
	if r = at.assemble(r); r == nil {
		if !d.place.paced && !d.w.buffer.fits(at.partialBytes) {
			d.park(d.w, parking, errFull)
		}
		return
	}
	last := revisionOf(r)
	if at.fresh(r); len(r.Events) > 0 && !d.put(r) {
		return
	}
	at.taken(last)
	if r.Header.GetRevision() == last {
		at.parks = 0 // the watch is in step
	}
}

// mayTellLate reports whether the server may leave an event out and tell it later: kine, whose progress may overtake events, and a
// proxy that shares a watch. The reader has no event after that one yet.
func (d delivery) mayTellLate() bool { return d.kind == refuser || chained(d.kind, d.w) }

// takePart takes a fragment. The reader has asked for fragments, so it gets each one as it comes.
func (d delivery) takePart(r *pb.WatchResponse) {
	at := &d.w.at
	last := revisionOf(r)
	if at.fresh(r); len(r.Events) > 0 && !d.put(r) {
		return
	}
	if r.Fragment {
		at.ahead += len(r.Events)
		return
	}
	at.taken(last)
}

// takeUnsplit takes a response of a server other than a member, which never splits one.
func (d delivery) takeUnsplit(r *pb.WatchResponse) {
	at := &d.w.at
	last, trace := revisionOf(r), at.last
	at.fresh(r)
	if chained(d.kind, d.w) {
		for _, e := range r.Events {
			if !trace.continues(e, at.next) {
				d.park(d.w, reviving, errLost)
				return
			}
			trace = traceOf(e)
		}
	}
	if r.Events = sift(d.w.request, r.Events); len(r.Events) > 0 && !d.put(r) {
		return
	}
	at.taken(last)
	at.last = trace
	if r.Header.GetRevision() == last {
		at.parks = 0
	}
	if d.kind == chooser && !at.widened && at.beyond == "" && at.stage == live && r.Header.GetRevision() > last {
		// More of the history may follow, and other watches may have the same range. Then the proxy loses the rest: see sift.go.
		d.park(d.w, reviving, errMayLose)
	}
}

// put puts a response into the buffer of the watch. If there is no room, it parks the watch and reports false.
func (d delivery) put(r *pb.WatchResponse) bool {
	w, bytes := d.w, sizeOf(r)
	if len(r.Events) > 0 {
		w.at.weigh(r, bytes)
	}
	if d.place.paced {
		if w.buffer.add(r, bytes) {
			d.filled = true
			if w.at.stage == live {
				d.drain(w, draining)
			}
		}
		return true
	}
	if w.buffer.push(r, bytes) {
		if w.at.large && w.at.stage == live && w.buffer.starve() {
			d.park(w, parking, errFull) // before the server sends the next part of the history
		}
		return true
	}
	d.park(w, parking, errFull)
	return false
}

// lackPrevious reports whether the previous values are missing in events that came after the cancellation. A member forgets
// with the cancellation that the watch asked for them. These events are dropped, and asked for again.
func (d delivery) lackPrevious(events []*mvccpb.Event) bool {
	cancelled := d.w.at.stage == draining || d.w.at.stage == homing
	return cancelled && d.w.request.PrevKv && slices.ContainsFunc(events, func(e *mvccpb.Event) bool {
		return e.PrevKv == nil && (e.Type == mvccpb.Event_DELETE || e.Kv.CreateRevision != e.Kv.ModRevision)
	})
}
