// SPDX-License-Identifier: Apache-2.0

package watch

import "context"

// A watch that is behind and has a slow reader gets a paced stream: a stream of its own, which is not read while the buffer
// is full. So the server sends nothing twice. The server would go on reading history into its memory meanwhile, a thousand
// revisions every 100 ms. Therefore the watch is cancelled when its buffer is full. It still takes the events that the server
// has in hand, and is created again on a new stream after them. So the server keeps nothing for the old stream.

// await waits until the buffer of the one watch on a paced stream has room.
func await(parent context.Context, s *shared) {
	if !s.place.paced {
		return
	}
	s.mu.Lock()
	var only *feed
	for w := range s.watches {
		only = w
	}
	s.mu.Unlock()
	if only == nil || !only.buffer.full() {
		return
	}
	s.holds.Store(true)
	only.buffer.await(parent)
	s.heard.Store(true)
	s.holds.Store(false)
}

// settle sends the watch back to a stream that it shares if its reader has kept up since the last tick.
func settle(s *shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watches {
		if w.at.stage == live && !s.filled && w.buffer.low() && !w.request.Fragment && !w.at.large {
			s.drain(w, homing)
		}
	}
	s.filled = false
}
