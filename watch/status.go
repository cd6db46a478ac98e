// SPDX-License-Identifier: Apache-2.0

package watch

import "time"

// Status is the state of a watch. See [Watcher.Status].
type Status struct {
	// InStep says that the watch is on a server, so changes of its keys reach it. It may still read older history, and events
	// may wait in its buffer.
	InStep bool
	Since  time.Time // since when InStep has its value
	// Err says why the watch is not in step: its last stream broke, its buffer is full, or events that were lost on their way are
	// asked for again. It is nil while InStep is true, and while the watch is about to be created.
	Err      error
	Endpoint string // of its stream, in the spelling given to Open; "" while there is none
	Waiting  int    // bytes of events that wait for the reader
	Parked   bool   // the watch is off the server until the reader has made room in the buffer
	// Rev is the revision up to which the watch has all events, those in the buffer included. On another stream the watch goes
	// on after it. Rev moves with events, and within seconds while nothing happens. A proxy and members before 3.4.25 and
	// 3.5.8 do not tell how far a watch is. There, Rev moves about every 10 s, as far as this side can prove. It is 0 until
	// a watch without a start revision has been created.
	Rev int64

	changed <-chan struct{}
}

// Changed returns a channel that is closed once InStep, Err, Endpoint or Parked differs from this Status, and at the end of
// the watch. A loop that follows the status misses no change:
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
// A change of Since, Waiting or Rev alone does not close it. Changed is safe for concurrent use, and calls no server.
func (s Status) Changed() <-chan struct{} { return s.changed }

// same reports whether Changed would not be closed between two statuses.
func (s Status) same(other Status) bool {
	return s.InStep == other.InStep && s.Parked == other.Parked && s.Endpoint == other.Endpoint && text(s.Err) == text(other.Err)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// shown is the status that was returned last, and the channel to close when it changes. The channel is nil where nobody has
// asked since the last change.
type shown struct {
	status Status
	over   chan struct{}
}
