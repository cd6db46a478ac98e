// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// A watch on which nothing happens falls behind the history that is kept, unless its position moves. Where the server does
// not tell how far its watches are, the position moves by proof.
//
// The proof is a second watch, the probe. It starts at the position of the quiet watch. Its range contains the range of the
// quiet watch and one more key, which has changed since. A server tells each watch its events in the order of their
// revisions and leaves none out, whatever else is under way on the stream. So a response of the probe that ends with the
// event of revision E shows everything that happened in its range up to E. If the range of the quiet watch has no event
// there, none is under way to the quiet watch either, and it may go on after E.
//
// Nothing less is a proof. The answer to a creation tells a revision, but may overtake events, on the member and in the
// proxy. A read does not show a key that was put and deleted in between.

const (
	// quietInterval is how often the quiet watches of a stream are looked at. A watch is quiet if it has not moved since the
	// last look.
	quietInterval = 10 * time.Second
	// proofTime bounds one proof.
	proofTime = 5 * time.Second
)

// prover moves the positions of quiet watches by proof.
type prover struct{ *shared }

// looks returns a function that looks at the quiet watches once, and says when to look again.
func (s prover) looks(ctx context.Context) func() (next time.Duration) {
	searches := map[*feed]*search{}
	return func() time.Duration {
		if ctx.Err() != nil {
			return quietInterval
		}
		var newest int64 // revision of the store
		quiet := s.quiet()
		for w := range searches {
			if _, still := quiet[w]; !still {
				delete(searches, w)
			}
		}
		for _, w := range slices.SortedFunc(maps.Keys(quiet), func(a, b *feed) int { return cmp.Compare(quiet[a], quiet[b]) }) {
			from := quiet[w]
			epoch, still := s.isQuiet(w, from)
			if !still || newest != 0 && from > newest {
				continue
			}
			if searches[w] == nil {
				searches[w] = searchAround(spanOf(w.request))
			}
			proving, cancel := context.WithTimeout(ctx, proofTime)
			neighbour, rev := searches[w].next(proving, s.conn, s.place, from)
			if newest = max(newest, rev); neighbour != nil {
				s.prove(proving, w, from, epoch, neighbour)
			}
			cancel()
			if neighbour != nil || searches[w].over() {
				delete(searches, w)
			}
		}
		return quietInterval - rand.N(quietInterval/4)
	}
}

// quiet returns the watches that have not moved since the last call, other than by proof, and their positions. It returns
// none where the server tells how far its watches are.
func (s prover) quiet() map[*feed]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.place.paced || s.kind != chooser && (s.kind != member || s.punctual) {
		return nil
	}
	quiet := map[*feed]int64{}
	for w := range s.watches {
		at := &w.at
		if w.probe || at.stage != live || at.next == 0 || at.next == at.lost {
			continue
		}
		if at.next == at.stayed {
			quiet[w] = at.next
		}
		at.stayed = at.next
	}
	return quiet
}

// isQuiet reports whether a watch is still at a position, and in which history.
func (s prover) isQuiet(w *feed, at int64) (epoch int64, still bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, here := s.watches[w]; !here {
		return 0, false
	}
	return w.at.epoch, w.at.stage == live && w.at.next == at
}

// prove runs a probe from a position to the change of a neighbour.
func (s prover) prove(ctx context.Context, w *feed, from, epoch int64, neighbour *mvccpb.KeyValue) {
	r, key := spanOf(w.request), string(neighbour.Key)
	after := key > r.from
	if after {
		r.to = key + "\x00" + unique() // a range of its own: see sift.go
	} else {
		r.from = key
	}
	p := &feed{probe: true}
	p.begin(&pb.WatchCreateRequest{Key: []byte(r.from), RangeEnd: r.end(), StartRevision: from}, DefaultBuffer)
	if !s.owner.joinProbe(p, s.shared) {
		return
	}
	leave := func() { s.owner.leave(p, nil) }
	defer leave()
	defer context.AfterFunc(ctx, leave)()
	for last := int64(0); last < neighbour.ModRevision; {
		response, room := p.buffer.pop()
		if room {
			s.owner.unpark(p)
		}
		if response == nil {
			if errors.Is(p.reason(), etcderr.ErrCompacted) {
				s.lose(w, from)
			}
			return
		}
		last = revisionOf(response)
		s.mu.Lock()
		// A proxy may leave events out for a probe that shares its range.
		if s.kind != chooser || p.at.widened || after {
			s.proven(r, from, epoch, response.Events)
		}
		s.mu.Unlock()
	}
}

// lose notes that the history from the position of a watch on is compacted, so no proof is possible any more.
func (s prover) lose(w *feed, from int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, here := s.watches[w]; here {
		w.at.lost = from
	}
}

// proven moves the watches within a range. events are all events in that range since revision from, up to the last of them.
// The lock is held.
func (s prover) proven(within span, from, epoch int64, events []*mvccpb.Event) {
	if len(events) == 0 || s.past.Epoch() != epoch {
		return
	}
	for w := range s.watches {
		at, r := &w.at, spanOf(w.request)
		if w.probe || at.stage != live || at.epoch != epoch || at.next < from || at.partial != nil || at.ahead != 0 || !within.covers(r) {
			continue
		}
		rev := events[len(events)-1].Kv.ModRevision
		for _, e := range events {
			if r.holds(string(e.Kv.Key)) && !filtered(w.request, e) {
				rev = e.Kv.ModRevision - 1 // the event is on its way to the watch
				break
			}
		}
		if rev >= at.next {
			at.reached(rev)
			at.stayed = at.next // the watch is still quiet
		}
	}
}
