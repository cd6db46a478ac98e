// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// streamSize is how many watches share a stream at most: enough to make streams few, and few enough for the watches of
// a lost stream to be created again in an instant.
const streamSize = 1000

// hub holds the streams that the watches of one connection share.
type hub struct {
	conn *engine.Conn
	past past
	mute atomic.Bool // the last server that has shown its kind answers no progress request

	mu      sync.Mutex // taken before the lock of a stream
	streams []*shared
	lastID  int64 // made up for a reader
}

type hubKey struct{}

func hubOf(c *engine.Conn) *hub {
	return c.Attach(hubKey{}, func() any { return &hub{conn: c} }).(*hub)
}

// place says where a watch is to be: on which endpoint, and whether on a stream of its own.
type place struct {
	endpoint string
	pinned   bool
	alone    bool
	paced    bool // and not read from while the watch's buffer is full
}

// options are those of a call to the servers at that place.
func (p place) options() []grpc.CallOption {
	if !p.pinned {
		return nil
	}
	return []grpc.CallOption{call.OnEndpoint(p.endpoint)}
}

// join puts a watch on a stream at its place: one with room, or a new one.
func (h *hub) join(w *Watcher, at place) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.at.id == 0 { // the reader has not asked for one
		h.lastID++
		w.at.id = h.lastID
	}
	w.hub = h
	at.paced = at.paced && h.mayPace()
	return h.put(w, at)
}

// put does it. The hub's lock is held.
func (h *hub) put(w *Watcher, at place) error {
	for _, s := range h.streams {
		if !at.alone && !at.paced && s.place == at && s.add(w) {
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

// joinProbe puts a probe on a stream, even on one that is full, and reports whether that was possible.
func (h *hub) joinProbe(p *Watcher, s *shared) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.hub, p.at.id = h, everyWatch // no reader sees it
	return s.add(p)
}

// remove takes a watch off its stream that has ended on this side.
func (h *hub) remove(w *Watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.stream.remove(w) && w.stream.stopIfEmpty() {
		h.drop(w.stream)
	}
}

// askProgress asks how far the watches are, for the reader of one of them.
func (h *hub) askProgress(w *Watcher) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return w.stream.askProgress(w)
}

// unpark resumes a watch once its buffer has room.
func (h *hub) unpark(w *Watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.stream.unpark(w) {
		h.carry(w, true)
	}
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
		w.fail(err, errors.Is(err, connerr.ErrClosed))
	}
}

// pacedMax is how many watches of a connection have a stream of their own at most because they are behind.
const pacedMax = 64

// mayPace reports whether another watch may have a stream of its own. The hub's lock is held.
func (h *hub) mayPace() bool {
	n := 0
	for _, s := range h.streams {
		if s.place.paced {
			n++
		}
	}
	return n < pacedMax
}

// move moves a parked watch to a stream of its own, or back to one that it shares.
func (h *hub) move(w *Watcher, paced bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.carry(w, paced)
}

// carry does it. The hub's lock is held.
func (h *hub) carry(w *Watcher, paced bool) {
	from := w.stream
	if paced && !h.mayPace() {
		from.again(w)
		return
	}
	empty, ok := from.give(w)
	if !ok {
		return
	}
	to := from.place
	to.alone, to.paced = false, paced
	if err := h.put(w, to); err != nil {
		w.stream.take()
		w.fail(err, true)
	}
	if empty && from.stopIfEmpty() {
		h.drop(from)
	}
}
