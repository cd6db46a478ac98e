// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"time"
)

// doubtInterval is how often the watches behind a proxy are checked.
const doubtInterval = 5 * time.Second

// compare ends the watches of the connection whose history is not that of the store any more.
func compare(parent context.Context, s *shared) error {
	rewound, epoch, err := s.past.compare(parent, s.conn, s.aKey(), s.place)
	if rewound != nil {
		s.owner.endBefore(epoch, rewound)
	}
	return err
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
			_ = compare(ctx, s) // an error leaves it to the next tick
			lookBeyond(ctx, s)
			lookBehind(ctx, s)
		}
	}
}
