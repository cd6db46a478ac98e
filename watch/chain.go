// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// A watch of one key, by a user who may watch no other, has no range of its own at a proxy (see widened and narrowed), which
// may lose events of it then. The events of one key are a chain: each tells the version and has the revision of the one
// before. So what is missing shows when the next event comes, or when the key is read. Then the watch is created again
// where it stands. What cannot be seen is a life of the key that was lost as a whole, from its creation to its deletion, where the
// key did not exist before or the watch had no event yet.

// chained reports whether a watch is one of these. The lock of its stream is held.
func (s *shared) chained(w *Watcher) bool {
	of := spanOf(w.request)
	return s.kind == chooser && !w.at.widened && w.at.beyond == "" && of.to == of.from+"\x00"
}

// continues reports whether an event is the one that follows on t. Where t is of no event, it is the first from a revision on.
func (t trace) continues(e *mvccpb.Event, from int64) bool {
	before := e.PrevKv.GetModRevision()
	switch {
	case t.key == nil:
		return before < from && (e.Kv.Version <= 1 || e.Kv.CreateRevision < from)
	case e.Type == mvccpb.Event_DELETE:
		return !t.deleted && (before == 0 || before == t.mod)
	case e.Kv.Version == 1:
		return t.deleted
	default:
		return !t.deleted && e.Kv.Version == t.version+1 && e.Kv.CreateRevision == t.create
	}
}

func traceOf(e *mvccpb.Event) trace {
	return trace{e.Kv.Key, e.Type == mvccpb.Event_DELETE, e.Kv.CreateRevision, e.Kv.ModRevision, e.Kv.Version}
}

// lookBehind creates the watches again that have not got what the store has, twice in a row.
func (s *shared) lookBehind(parent context.Context) {
	s.mu.Lock()
	stands := map[*Watcher]position{}
	for w := range s.watchers {
		if w.at.stage == live && s.chained(w) {
			stands[w] = w.at
		}
	}
	s.mu.Unlock()
	for w, at := range stands {
		r, err := pb.NewKVClient(s.hub.conn).Range(parent, &pb.RangeRequest{Key: w.request.Key, KeysOnly: true}, s.place.options()...)
		if err != nil || !at.misses(r) {
			continue
		}
		s.mu.Lock()
		if _, here := s.watchers[w]; here && w.at.stage == live && w.at.next == at.next {
			if at.missed == at.next {
				s.park(w)
				w.at.room = true
			}
			w.at.missed = at.next
		}
		s.mu.Unlock()
	}
}

// misses reports whether a read of the one key shows an event that has not come.
func (p *position) misses(r *pb.RangeResponse) bool {
	if len(r.GetKvs()) == 0 {
		return p.last.key != nil && !p.last.deleted && r.GetHeader().GetRevision() >= p.next
	}
	return r.Kvs[0].ModRevision >= p.next
}
