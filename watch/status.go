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
}

var errFull = errors.New("watch: the buffer is full")

// Status returns where the watch stands: whether it is on a server, or since when not and why. A watch in trouble goes on
// by itself; Err and Done tell of its end. It takes no lock that is held while anything blocks. Status is safe for
// concurrent use, and calls no server.
func (w *Watcher) Status() Status {
	w.hub.mu.Lock()
	s := w.stream
	s.mu.Lock()
	status := s.status(w)
	s.mu.Unlock()
	w.hub.mu.Unlock()
	status.Waiting = w.buffer.waiting()
	return status
}

// status is it but for the buffer. The lock is held.
func (s *shared) status(w *Watcher) Status {
	at := &w.at
	status := Status{Endpoint: s.endpoint, Since: at.since}
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
