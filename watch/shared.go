// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire/past"
)

// streamSize is how many watches share a stream at most: enough to need few streams, and few enough to create the watches of
// a lost stream again in an instant.
const streamSize = 1000

// shared holds the watches of one stream, through all its reconnections. Its lock is never held while anything blocks.
type shared struct {
	conn  *engine.Conn
	owner owner
	past  *past.Past
	mute  *atomic.Bool // the last server of the connection whose kind is known answers no progress request
	place place
	life  context.Context // ends when the last watch leaves, or the connection closes
	end   context.CancelCauseFunc

	heard atomic.Bool // something was received since the last tick
	holds atomic.Bool // nothing is read now, because the buffer is full

	mu      sync.Mutex // guards what follows, and the positions of the watches
	watches map[*feed]struct{}
	staying int  // how many of them are not leaving
	stopped bool // no watch may be added any more
	down    bool // no endpoint of its place is Active
	link
	exchange
	oversized int     // streams in a row that broke because a response was too large
	moves     []*feed // parked watches that are to be moved to another stream
	epoch     int64   // of the history in which the stream was opened
	same      int64   // up to which revision the history was compared before the stream
	compacted int64   // the history before it is not to be had
	other     *feed   // a watch that got an event of another history
	filled    bool    // the buffer of a paced watch was full since the last tick
}

// owner is what a stream asks of the hub. The lock of the stream is not held meanwhile.
type owner interface {
	unpark(w *feed)                         // resumes a watch whose buffer has room again
	move(w *feed, paced bool)               // moves a parked watch to another stream
	leave(w *feed, err error)               // ends a watch from this side; events in its buffer are dropped
	fail(w *feed, err error)                // ends a watch whose reader still gets the events in its buffer
	retire(s *shared)                       // removes the stream if no watch needs it
	joinProbe(p *feed, s *shared) (ok bool) // adds a watch that serves a proof
}

func newShared(conn *engine.Conn, o owner, p *past.Past, mute *atomic.Bool, at place) *shared {
	s := &shared{conn: conn, owner: o, past: p, mute: mute, place: at, watches: map[*feed]struct{}{}}
	s.life, s.end = context.WithCancelCause(context.Background())
	return s
}

// add puts a watch on the stream. It reports false where the stream is full, or no endpoint for it is Active.
func (s *shared) add(w *feed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.down || len(s.watches) >= streamSize && !w.probe {
		return false
	}
	w.stream = s
	s.watches[w] = struct{}{}
	s.staying++
	s.create(w)
	return true
}

// leave takes a watch off the stream that has ended on this side. It reports whether the stream has stopped, as it does with
// its last watch.
func (s *shared) leave(w *feed) (stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch stage := w.at.stage; stage {
	case wanted, parked:
		s.remove(w)
	case leaving, gone:
	default:
		w.at.stage = leaving
		s.staying--
		s.notice(w)
		if stage == live {
			s.cancel(w.at.known)
		}
	}
	return s.stopIfEmpty()
}

// remove takes a watch off the stream at once. The lock is held.
func (s *shared) remove(w *feed) {
	if w.at.stage != leaving {
		s.staying--
	}
	w.at.stage = gone
	delete(s.watches, w)
	s.notice(w)
}

// stopIfEmpty stops the stream if no watch stays on it, and reports whether it has stopped. The lock is held.
func (s *shared) stopIfEmpty() bool {
	if s.staying == 0 {
		s.stopped = true
		s.end(nil)
	}
	return s.stopped
}

// take stops the stream and returns the watches that were on it.
func (s *shared) take() []*feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	var all []*feed
	for w := range s.watches {
		w.at.stage = gone
		s.notice(w)
		all = append(all, w)
	}
	s.watches, s.staying = nil, 0
	return all
}

// unpark resumes a watch whose buffer has room again. It reports whether the watch is to move to a paced stream.
func (s *shared) unpark(w *feed) (move bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch w.at.stage {
	case parked:
		if w.needsPace() {
			return true
		}
		s.create(w)
	case parking:
		w.at.stage = reviving
	}
	return false
}

// again creates a parked watch on this stream.
func (s *shared) again(w *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.at.stage == parked {
		s.create(w)
	}
}

// give takes a parked watch off the stream, to be put on another one. It reports whether it did, and whether this stream has
// stopped, as it does with its last watch.
func (s *shared) give(w *feed) (stopped, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, here := s.watches[w]; !here || w.at.stage != parked {
		return false, false
	}
	delete(s.watches, w)
	s.staying--
	return s.stopIfEmpty(), true
}

// start prepares for a new stream, on which no watch exists yet. The store is in the history of that epoch, and up to revision same
// it has what was seen of it.
func (s *shared) start(endpoint, version string, same, epoch int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened(endpoint, nil)
	s.exchange.start(engine.Punctual(version), engine.Lossy(version))
	if s.same = same; s.epoch != epoch {
		s.epoch, s.compacted = epoch, 0
	}
	s.down, s.moves, s.filled = false, nil, true
	var tardy []*feed
	for w := range s.watches {
		w.at.doubtful = w.at.begun
		switch w.at.stage {
		case parking:
			w.at.stage = parked
		case parked:
		case leaving:
			s.remove(w)
		default:
			if w.at.tardy {
				tardy = append(tardy, w)
			} else {
				s.create(w)
			}
		}
	}
	for _, w := range tardy { // last, so that the other watches do not wait for them again
		s.create(w)
	}
}

// opened notes that a stream is open or, with an empty endpoint, why none is. The lock is held.
func (s *shared) opened(endpoint string, why error) {
	s.link.opened(endpoint, why)
	s.noticeAll()
}

// noticeAll calls notice for each watch. The lock is held.
func (s *shared) noticeAll() {
	for w := range s.watches {
		s.notice(w)
	}
}

// create has a watch created at its position. The lock is held.
func (s *shared) create(w *feed) {
	w.at.reset()
	w.at.stage = wanted
	s.notice(w)
	s.want(w, false)
}

// createFirst has a watch created before all others, in another way than a moment ago. The lock is held.
func (s *shared) createFirst(w *feed) {
	w.at.stage = wanted
	s.want(w, true)
}

// park takes a live watch off the server and drops the events that still come. next is parking or reviving. The lock is held.
func (s *shared) park(w *feed, next stage, why error) {
	w.at.stage, w.at.why, w.at.since = next, why, time.Now()
	w.at.parks++
	w.at.forget()
	s.notice(w)
	s.cancel(w.at.known)
}

// drain takes a live watch off the server and takes the events that still come. next is draining or homing. The lock is held.
func (s *shared) drain(w *feed, next stage) {
	w.at.stage, w.at.why = next, nil
	s.cancel(w.at.known)
}

// askProgress asks how far the watches are, for the reader of one of them.
func (s *shared) askProgress(w *feed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kind == chooser || s.kind == unknown && s.mute.Load() {
		return ErrNoProgress
	}
	w.at.wantsAnswer = true
	s.report = true
	s.signal()
	return nil
}

// show returns the status of a watch, all but Waiting.
func (s *shared) show(w *feed) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link.show(w)
}

// served reports whether a server has created a watch that is still here.
func (s *shared) served() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watches {
		if w.exists() {
			return true
		}
	}
	return false
}

// lost is why no stream is open; nil while one is.
func (s *shared) lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endpoint != "" {
		return nil
	}
	return s.why
}

// before returns the watches that belong to a history before epoch: those that a server created in it, and those that wait for
// their creation from a revision of it.
func (s *shared) before(epoch int64) []*feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*feed
	for w := range s.watches {
		if w.at.epoch < epoch && (w.at.begun || w.at.next != 0) {
			all = append(all, w)
		}
	}
	return all
}
