// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// A watch of one key by a user who may watch no other key cannot have a range of its own (see widened and narrowed). A proxy
// may lose events of such a watch. The events of one key are a chain: each one tells its version, and the revision of the
// event before it. So a lost event shows when the next one comes, or when the key is read. Then the watch is created again at
// its position. One loss does not show: a life of the key from its creation to its deletion, where the key did not exist
// before it, or the watch had no event yet.

// chained reports whether a watch is one of these. The lock of its stream is held.
func chained(k kind, w *feed) bool {
	of := spanOf(w.request)
	return k == chooser && !w.at.widened && w.at.beyond == "" && of.to == of.from+"\x00"
}

// lookBehind creates a chained watch again if the store has an event that the watch does not have, at two looks in a row.
func lookBehind(parent context.Context, s *shared) {
	s.mu.Lock()
	stands := map[*feed]position{}
	for w := range s.watches {
		if w.at.stage == live && chained(s.kind, w) {
			stands[w] = w.at
		}
	}
	s.mu.Unlock()
	for w, at := range stands {
		r, err := wire.KV.Range.Over(parent, s.place.route(s.conn), &pb.RangeRequest{Key: w.request.Key, KeysOnly: true})
		if err != nil || !at.last.misses(r, at.next) {
			continue
		}
		s.mu.Lock()
		if _, here := s.watches[w]; here && w.at.stage == live && w.at.next == at.next {
			if w.at.missed == at.next {
				s.park(w, reviving, errLost)
			}
			w.at.missed = at.next
		}
		s.mu.Unlock()
	}
}
