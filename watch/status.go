// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"time"
)

// Status is where a watch stands. See [Watcher.Status].
type Status struct {
	// InStep says that the watch is on a server: what happens to its keys reaches it. What waits in the buffer is yet to
	// be read. A watch that catches up with the history is in step as well.
	InStep bool
	Since  time.Time // since when InStep is what it is
	// Err says why the watch is not in step: what its last stream met, or that its buffer is full. It is nil while InStep,
	// and where the watch is about to be created.
	Err      error
	Endpoint string // of its stream, in the spelling given to Open; "" while there is none
	Waiting  int    // bytes of events that wait for the reader
	Parked   bool   // taken off the server until the reader has made room in the buffer
	// Rev is the revision up to which the watch has everything, what waits in the buffer included: it would go on after
	// that on another stream. It moves with events and, while nothing happens, within seconds. A proxy and members before
	// 3.4.25 and 3.5.8 do not tell how far a watch is; there it moves about every 10 s, as far as is proven. It is 0 where
	// a watch from now on has not been created yet.
	Rev int64

	changed <-chan struct{}
}

// Changed returns a channel that is closed as soon as InStep, Err, Endpoint or Parked is no longer what it is in this
// Status, and at the end of the watch. So nothing is missed in a loop:
//
//	for {
//		status := w.Status()
//		show(status)
//		select {
//		case <-status.Changed():
//		case <-w.Done():
//			return
//		}
//	}
//
// A change of Since, Waiting or Rev alone does not count. Changed is safe for concurrent use, and calls no server.
func (s Status) Changed() <-chan struct{} { return s.changed }

var errFull = errors.New("watch: the buffer is full")

// Status returns where the watch stands: whether it is on a server, or since when not and why. A watch in trouble goes on
// by itself; Err and Done tell of its end. [Status.Changed] tells of the next change. It takes no lock that is held while anything blocks. Status is safe for
// concurrent use, and calls no server.
func (w *Watcher) Status() Status {
	w.hub.mu.Lock()
	s := w.stream
	s.mu.Lock()
	status := s.show(w)
	s.mu.Unlock()
	w.hub.mu.Unlock()
	status.Waiting = w.buffer.waiting()
	return status
}

// status is it but for the buffer. The lock is held.
func (s *shared) status(w *Watcher) Status {
	at := &w.at
	status := Status{Endpoint: s.endpoint, Since: at.since, Rev: max(0, at.next-1)}
	if s.since.After(status.Since) {
		status.Since = s.since
	}
	switch {
	case at.stage == parking || at.stage == parked:
		status.Parked, status.Err = true, errFull
	case s.endpoint == "":
		status.Err = s.why
	case s.silent != nil:
		status.Err, status.Since = s.silent, s.silentSince
	default:
		status.InStep = at.stage == live || at.stage == draining
	}
	return status
}

// opened notes that there is a stream again, or with an empty endpoint that there is none, and why. The lock is held.
func (s *shared) opened(endpoint string, why error) {
	if endpoint != "" || s.endpoint != "" || s.since.IsZero() {
		s.since = time.Now()
	}
	s.endpoint, s.silent = endpoint, nil
	if why != nil {
		s.why = why
	}
	s.noticeAll()
}

// lost is why the stream of a watch is not there, nil where it is.
func (h *hub) lost(w *Watcher) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.stream.mu.Lock()
	defer w.stream.mu.Unlock()
	if w.stream.endpoint != "" {
		return nil
	}
	return w.stream.why
}
