// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"slices"
	"sync"

	"github.com/eetcd-go/eetcd/conn"
)

// streamSize is how many watches share a stream at most: enough to make streams few, and few enough for the watches of
// a lost stream to be created again in an instant.
const streamSize = 1000

// hub holds the streams that the watches of one connection share.
type hub struct {
	conn *conn.Conn
	past past

	mu      sync.Mutex // taken before the lock of a stream
	streams []*shared
	lastID  int64 // made up for a reader
}

type hubKey struct{}

func hubOf(c *conn.Conn) *hub {
	return c.Attach(hubKey{}, func() any { return &hub{conn: c} }).(*hub)
}

// place says where a watch is to be: on which endpoint, and whether on a stream of its own.
type place struct {
	endpoint string
	pinned   bool
	alone    bool
}

// join puts a watch on a stream at its place: one with room, or a new one.
func (h *hub) join(w *Watcher, at place) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.at.id == 0 { // the reader has not asked for one
		h.lastID++
		w.at.id = h.lastID
	}
	for _, s := range h.streams {
		if !at.alone && s.place == at && s.add(w) {
			return nil
		}
	}
	s := newShared(h, at)
	s.add(w)
	if err := h.conn.Go(s.run); err != nil {
		return err
	}
	h.streams = append(h.streams, s)
	return nil
}

// retire takes a stream out of use if no watch is on it.
func (h *hub) retire(s *shared) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.stopIfEmpty() {
		h.drop(s)
	}
}

// drop forgets a stream. The hub's lock is held.
func (h *hub) drop(s *shared) {
	h.streams = slices.DeleteFunc(h.streams, func(other *shared) bool { return other == s })
}

// ended takes a stream out of use that cannot be resumed, and ends its watches for that reason.
func (h *hub) ended(s *shared, err error) {
	h.mu.Lock()
	h.drop(s)
	h.mu.Unlock()
	for _, w := range s.take() {
		w.fail(err, errors.Is(err, conn.ErrClosed))
	}
}
