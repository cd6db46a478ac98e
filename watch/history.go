// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/internal/wire/past"
)

// doubtInterval is how often the watches behind a proxy are checked.
const doubtInterval = 5 * time.Second

// compare ends the watches of the connection whose history is not that of the store any more. It returns up to which revision the
// history is surely the same.
func compare(parent context.Context, s *shared) (same int64, err error) {
	key, quiet := s.quietRanges()
	return s.past.Compare(parent, s.place.route(s.conn), key, quiet)
}

// quietRanges returns a key that the user may read, taken from a watch, and what the watches know of their ranges.
func (s *shared) quietRanges() (key []byte, quiet []past.Quiet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watches {
		if key = w.request.Key; w.probe || !w.at.begun || w.at.epoch != s.past.Epoch() || len(w.request.Filters) > 0 {
			continue
		}
		of := past.Range{Key: string(w.request.Key), End: string(w.request.RangeEnd)}
		quiet = append(quiet, past.Quiet{Range: of, From: w.at.base, Seen: w.at.seen, Rev: w.at.next - 1})
	}
	return key, quiet
}

// doubtHistory checks every doubtInterval what a proxy may hide: a store that has gone back, which breaks no stream of a
// proxy, and events that the proxy has lost.
func doubtHistory(ctx context.Context, s *shared) {
	ticker := time.NewTicker(doubtInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		proxied := s.kind == chooser
		s.mu.Unlock()
		if proxied {
			_, _ = compare(ctx, s) // an error leaves it to the next tick
			lookBeyond(ctx, s)
			lookBehind(ctx, s)
		}
	}
}
