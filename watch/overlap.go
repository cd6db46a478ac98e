// SPDX-License-Identifier: Apache-2.0

package watch

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// A watch that goes on after its position may ask for a part of the history that it knows already, for two reasons.
//
// Where nothing has happened in its range for a while, a store that has gone back and is beyond the position again cannot be told
// from the same one. The new history may have events before the position. So the first creation on a stream begins where the
// watch has seen its last event, or where the histories were compared. An event in between is of another history.
//
// A lossy server (engine.Lossy) may not have the deletions at the revision of its compaction. So a watch that begins in the past
// begins one revision earlier there, and ends if it cannot. Whether it begins in the past, the answer to its creation shows. It is
// created once more then, so the others need not wait until the server has caught up with that one revision.

// overlapMax is how many revisions before its position a watch asks for. The server reads all keys of these revisions, once for
// hundreds of watches. A client without an overlap has it read as many, or more, for any watch that was quiet before the stream broke.
const overlapMax = 1000

// start is the revision to begin from. Up to revision same, the store has the history that was seen. The history before revision
// compacted is not to be had.
func (p *position) start(same, compacted int64) int64 {
	start := p.next
	if p.doubtful {
		start = min(start, max(p.seen, p.base, same, p.next-1-overlapMax, compacted-1)+1)
	}
	if p.earlier {
		start = min(start, p.next-1)
	}
	return min(p.next, max(start, 1))
}

// loses reports whether a watch that a lossy server has created at revision rev may lack deletions at its start.
func (p *position) loses(rev int64) bool {
	return !p.earlier && p.next > 1 && p.started == p.next && (rev == 0 || rev >= p.next)
}

// outlives reports whether a watch can still go on after a compaction that has removed its start.
func (p *position) outlives(compacted int64, lossy bool) bool {
	last := p.next
	if lossy {
		last--
	}
	return p.started < compacted && compacted <= last
}

// dropKnown removes from a response the events before the position at which the watch was created. It stops at one that is not known,
// and reports false: the store has another history, or the server has left that event out before.
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
