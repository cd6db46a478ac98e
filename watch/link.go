// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"time"
)

// The reasons why a watch is not in step though its stream is open.
var (
	errFull       = errors.New("watch: the buffer is full")
	errSilent     = errors.New("watch: the server does not answer")
	errLost       = errors.New("watch: the proxy has lost an event, which is asked for again")
	errMayLose    = errors.New("watch: the proxy may lose the rest of the history, which is asked for again")
	errNoPrevious = errors.New("watch: events came without their previous values, and are asked for again")
)

// link is whether watches have an open stream, and since when. The status of a watch is made of that and of its position.
// The lock of the stream guards it.
type link struct {
	endpoint    string    // "" while no stream is open
	since       time.Time // since when a stream is open and the server answers, or no stream is open
	why         error     // why the last stream broke
	silent      error     // set while the server owes an answer
	silentSince time.Time
}

// opened notes that a stream is open or, with an empty endpoint, why none is.
func (l *link) opened(endpoint string, why error) {
	if endpoint != "" || l.endpoint != "" || l.since.IsZero() {
		l.since = time.Now()
	}
	l.endpoint, l.silent = endpoint, nil
	if why != nil {
		l.why = why
	}
}

// noteSilence notes that the server owes an answer, or with nil that it does not.
func (l *link) noteSilence(why error) {
	if why != nil && l.silent == nil {
		l.silentSince = time.Now()
	}
	if why == nil && l.silent != nil {
		l.since = time.Now()
	}
	l.silent = why
}

// status returns the status of a watch, all but Waiting.
func (l *link) status(w *feed) Status {
	at := &w.at
	status := Status{Endpoint: l.endpoint, Since: at.since, Rev: max(0, at.next-1)}
	if l.since.After(status.Since) {
		status.Since = l.since
	}
	switch {
	case at.stage == parking || at.stage == reviving || at.stage == parked:
		status.Parked, status.Err = at.why == errFull, at.why
	case l.endpoint == "":
		status.Err = l.why
	case l.silent != nil:
		status.Err, status.Since = l.silent, l.silentSince
	default:
		status.InStep = at.stage.takes()
	}
	return status
}

// show returns the status of a watch, and remembers it in order to notice the next change.
func (l *link) show(w *feed) Status {
	l.notice(w)
	status := l.status(w)
	if w.shown.over == nil {
		w.shown = shown{status, make(chan struct{})}
	}
	status.changed = w.shown.over
	l.notice(w)
	return status
}

// notice closes the channel of the status that was shown last if the status has changed. It is called after everything that
// may change a status.
func (l *link) notice(w *feed) {
	if w.shown.over == nil {
		return
	}
	if w.at.stage.over() || !w.shown.status.same(l.status(w)) {
		close(w.shown.over)
		w.shown = shown{}
	}
}
