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
// history is surely the same, and the epoch of what the store tells from now on.
func compare(parent context.Context, s *shared) (same, epoch int64, err error) {
	return s.past.Compare(parent, s.place.route(s.conn), s.keys(), s.quietRanges())
}

// keys returns a key of each watch. First come those that the user may surely read, because a server has created the watch.
func (s *shared) keys() (keys [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := map[string]bool{}
	for _, begun := range []bool{true, false} {
		for w := range s.watches {
			if key := w.request.Key; w.at.begun == begun && !w.probe && !taken[string(key)] {
				taken[string(key)] = true
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// quietRanges returns what the watches know of their ranges.
func (s *shared) quietRanges() (quiet []past.Quiet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watches {
		if w.probe || !w.at.begun || w.at.epoch != s.past.Epoch() || len(w.request.Filters) > 0 {
			continue
		}
		of := past.Range{Key: string(w.request.Key), End: string(w.request.RangeEnd)}
		quiet = append(quiet, past.Quiet{Range: of, From: w.at.base, Seen: w.at.seen, Rev: w.at.next - 1})
	}
	return quiet
}

// doubtHistory checks what a proxy may hide: a store that has gone back, which breaks no stream of a proxy, and events that the
// proxy has lost.
func doubtHistory(ctx context.Context, s *shared) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	proxied := s.kind == chooser
	s.mu.Unlock()
	if proxied {
		// The ranges are left to the next stream, because the server reads all their keys. An error leaves the rest to the next time.
		_, _, _ = s.past.Compare(ctx, s.place.route(s.conn), s.keys(), nil)
		lookBeyond(ctx, s)
		lookBehind(ctx, s)
	}
}
