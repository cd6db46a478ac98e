// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/wire/past"
)

// hub holds the streams that the watches of one connection share.
type hub struct {
	conn *engine.Conn
	past *past.Past
	mute atomic.Bool // see shared

	mu      sync.Mutex // is taken before the lock of a stream
	streams []*shared
	lastID  int64 // the last ID made up for a reader
}

type hubKey struct{}

func hubOf(c *engine.Conn) *hub {
	seen := past.Of(c)
	return c.Attach(hubKey{}, func() any {
		h := &hub{conn: c, past: seen}
		seen.Tell(func(epoch int64, now *pb.ResponseHeader) { h.endBefore(epoch, rewound(now)) })
		return h
	}).(*hub)
}

var _ engine.Reporter = (*hub)(nil)

// Report tells about the watches of the connection. A watch that moves to another stream meanwhile may be missing.
func (h *hub) Report(to *report.Services) {
	h.mu.Lock()
	streams := slices.Clone(h.streams)
	h.mu.Unlock()
	for _, s := range streams {
		to.Watches = append(to.Watches, watchesOf(s)...)
	}
}

// join puts a watch on a stream at its place.
func (h *hub) join(w *feed, at place) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.at.id == 0 { // the reader has not asked for an ID
		h.lastID++
		w.at.id = h.lastID
	}
	w.at.epoch = h.past.Epoch()
	at.paced = at.paced && h.mayPace()
	return h.put(w, at)
}

// put puts a watch on a stream at that place: on one that has room, or on a new one. The lock is held.
func (h *hub) put(w *feed, at place) error {
	for _, s := range h.streams {
		if !at.alone && !at.paced && s.place == at && s.add(w) {
			return nil
		}
	}
	s := newShared(h.conn, h, h.past, &h.mute, at)
	s.add(w)
	if err := h.conn.Go(func(life context.Context) { h.run(s, life) }); err != nil {
		return err
	}
	h.streams = append(h.streams, s)
	return nil
}

// run keeps a stream open until no watch needs it, or it cannot be opened again. Then its watches end for that reason.
func (h *hub) run(s *shared, life context.Context) {
	err := session{s}.run(life)
	h.mu.Lock()
	h.forget(s)
	h.mu.Unlock()
	for _, w := range s.take() {
		w.end(err, errors.Is(err, connerr.ErrClosed))
	}
}

// forget removes a stream that has stopped. The lock is held.
func (h *hub) forget(s *shared) {
	h.streams = slices.DeleteFunc(h.streams, func(other *shared) bool { return other == s })
}

// leave ends a watch from this side. Its reader has left, so the events in its buffer are dropped.
func (h *hub) leave(w *feed, err error) {
	if w.end(err, true) {
		h.remove(w)
	} else {
		w.buffer.close(true)
	}
}

// fail ends a watch from this side. Its reader still gets the events in its buffer.
func (h *hub) fail(w *feed, err error) {
	w.end(err, false)
	h.remove(w)
}

// remove takes a watch that has ended off its stream.
func (h *hub) remove(w *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.stream.leave(w) {
		h.forget(w.stream)
	}
}

// retire stops a stream if no watch stays on it.
func (h *hub) retire(s *shared) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.mu.Lock()
	stopped := s.stopIfEmpty()
	s.mu.Unlock()
	if stopped {
		h.forget(s)
	}
}

// joinProbe puts a probe on a stream, even on one that is full.
func (h *hub) joinProbe(p *feed, s *shared) (ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.at.id, p.at.epoch = everyWatch, h.past.Epoch() // no reader sees the ID
	return s.add(p)
}

// endBefore ends the watches that belong to a history before epoch.
func (h *hub) endBefore(epoch int64, why error) {
	h.mu.Lock()
	streams := slices.Clone(h.streams)
	h.mu.Unlock()
	for _, s := range streams {
		for _, w := range s.before(epoch) {
			h.fail(w, why)
		}
	}
}

// askProgress asks how far the watches are, for the reader of one of them.
func (h *hub) askProgress(w *feed) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return w.stream.askProgress(w)
}

// status returns the status of a watch, all but Waiting.
func (h *hub) status(w *feed) Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return w.stream.show(w)
}

// lost is why the stream of a watch is not open; nil while it is.
func (h *hub) lost(w *feed) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return w.stream.lost()
}

// unpark resumes a watch whose buffer has room again.
func (h *hub) unpark(w *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.stream.unpark(w) {
		h.rehouse(w, true)
	}
}

// move moves a parked watch to a paced stream, or back to one that it shares.
func (h *hub) move(w *feed, paced bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rehouse(w, paced)
}

// rehouse is move with the lock held.
func (h *hub) rehouse(w *feed, paced bool) {
	from := w.stream
	if paced && !h.mayPace() {
		from.again(w)
		return
	}
	stopped, ok := from.give(w)
	if !ok {
		return
	}
	if stopped {
		h.forget(from)
	}
	to := from.place
	to.alone, to.paced = false, paced
	if err := h.put(w, to); err != nil {
		w.stream.take()
		w.end(err, true)
	}
}

// pacedMax is how many paced streams a connection has at most.
const pacedMax = 64

// mayPace reports whether another stream may be paced. The lock is held.
func (h *hub) mayPace() bool {
	n := 0
	for _, s := range h.streams {
		if s.place.paced {
			n++
		}
	}
	return n < pacedMax
}
