// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"slices"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// A watch that is behind, and whose reader is slow, gets a stream of its own, from which nothing is read while the buffer
// is full. There, nothing is sent twice. For the server would go on to read history into its memory while it waits, a
// thousand revisions every 100 ms, the watch is cancelled when its buffer is full. What the server has in hand by then is
// still taken, and the watch is created again after that, on a new stream, so that the server keeps nothing for the old
// one.

// needsPace reports whether a watch that was parked had better be on a stream of its own: its events are large, or it was
// parked before and has not been in step since. The lock of its stream is held.
func (w *Watcher) needsPace() bool {
	return !w.probe && (w.request.Fragment || w.at.large || w.at.parks > 1)
}

// await waits for room in the buffer of the watch that has the stream for itself.
func (s *shared) await(parent context.Context) {
	if !s.place.paced {
		return
	}
	s.mu.Lock()
	var only *Watcher
	for w := range s.watchers {
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

// drain has the server stop while what it has in hand is still taken. The lock is held.
func (s *shared) drain(w *Watcher) {
	w.at.stage = draining
	s.cancel(w.at.known)
}

// stripped reports whether the values before are missing, because the member had forgotten by then that a watch which it
// has cancelled asked for them. From there on, what the server has in hand is dropped. The lock is held.
func (s *shared) stripped(w *Watcher, events []*mvccpb.Event) bool {
	if w.at.stage != draining || !w.request.PrevKv || !slices.ContainsFunc(events, func(e *mvccpb.Event) bool {
		return e.PrevKv == nil && (e.Type == mvccpb.Event_DELETE || e.Kv.CreateRevision != e.Kv.ModRevision)
	}) {
		return false
	}
	w.at.stage, w.at.room = parking, true
	w.at.partial, w.at.partialBytes = nil, 0
	s.notice(w)
	return true
}

// drained takes the end of what the server had in hand. The lock is held.
func (s *shared) drained(w *Watcher) error {
	if !w.at.home {
		return resume.ErrAgain
	}
	w.at.home, w.at.stage = false, parked
	s.moves = append(s.moves, w)
	return nil
}

// settle has the watch go back to a stream that it shares once its reader has kept up for a while.
func (s *shared) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		if w.at.stage == live && !s.filled && w.buffer.low() && !w.request.Fragment && !w.at.large {
			w.at.home = true
			s.drain(w)
		}
	}
	s.filled = false
}
