// SPDX-License-Identifier: Apache-2.0

package watch

// shown is the last status that somebody has asked for, until another one is true. The stream's lock guards it.
type shown struct {
	status Status
	over   chan struct{} // to be closed then; nil where nobody has asked since
}

// show returns the status of a watch, and keeps it to notice its end. The lock is held.
func (s *shared) show(w *Watcher) Status {
	s.notice(w)
	status := s.status(w)
	if w.shown.over == nil {
		w.shown = shown{status, make(chan struct{})}
	}
	status.changed = w.shown.over
	if w.at.stage >= leaving {
		s.notice(w)
	}
	return status
}

// notice tells whoever waits for it that the status of a watch has changed. It is called wherever that may be. The lock is
// held.
func (s *shared) notice(w *Watcher) {
	if w.shown.over == nil {
		return
	}
	if w.at.stage >= leaving || !w.shown.status.same(s.status(w)) {
		close(w.shown.over)
		w.shown = shown{}
	}
}

// noticeAll is notice for each watch of the stream. The lock is held.
func (s *shared) noticeAll() {
	for w := range s.watchers {
		s.notice(w)
	}
}

// same reports whether nothing has changed that counts.
func (s Status) same(other Status) bool {
	return s.InStep == other.InStep && s.Parked == other.Parked && s.Endpoint == other.Endpoint && text(s.Err) == text(other.Err)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
