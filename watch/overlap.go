// SPDX-License-Identifier: Apache-2.0

package watch

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// A watch that goes on after its position may ask for a part of the history that it knows already, for two reasons.
//
// Where nothing has happened in its range for a while, a store that has gone back and is beyond the position again cannot be told
// from the same one. The new history may have events before the position. So the first creation on a stream begins where the
// watch has seen its last event, or where the histories were compared. An event in between is of another history.
//
// A lossy server (engine.Lossy) may not have the deletions at the revision of its compaction. So the watch begins one revision
// earlier there, and ends if it cannot.

// overlapMax is how many revisions before its position a watch asks for. The server reads all keys of these revisions.
const overlapMax = 1000

// start is the revision to begin from. Up to revision same, the store has the history that was seen.
func (p *position) start(same int64, lossy bool) int64 {
	start := p.next
	if p.doubtful {
		start = min(start, max(p.seen, p.base, same, p.next-1-overlapMax)+1)
	}
	if lossy {
		start = min(start, p.next-1)
	}
	return min(p.next, max(start, p.floor, 1))
}

// outlives notes a compaction that has removed the start of a watch, and reports whether the watch can still go on.
func (p *position) outlives(compacted int64, lossy bool) bool {
	last := p.next
	if lossy {
		last--
	}
	if compacted <= p.started || compacted > last {
		return false
	}
	p.floor = compacted
	return true
}

// dropKnown removes from a response the events before the position at which the watch was created. It reports false if one of them
// is not known, as the store has another history.
func dropKnown(w *feed, r *pb.WatchResponse) bool {
	at, in := &w.at, spanOf(w.request)
	known := max(at.base, at.seen)
	for len(r.Events) > 0 && r.Events[0].Kv.ModRevision < at.resumed {
		if e := r.Events[0]; e.Kv.ModRevision > known && in.holds(string(e.Kv.Key)) && !filtered(w.request, e) {
			return false
		}
		r.Events = r.Events[1:]
	}
	return true
}
