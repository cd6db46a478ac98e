// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"sync"
	"sync/atomic"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// feed is the part of a watch that its stream works on: the request, the position, and the buffer between the stream and
// the reader.
type feed struct {
	request *pb.WatchCreateRequest // as the caller has it; it is never sent itself
	probe   bool                   // the watch serves a proof of quiet.go and has no reader
	stream  *shared                // guarded by the lock of the hub
	at      position               // guarded by the lock of the stream
	shown   shown                  // guarded by the lock of the stream
	buffer  buffer
	rev     atomic.Int64  // everything up to it is with the reader
	early   bool          // the server created it long before its start revision; written before created is closed
	created chan struct{} // closed once a server has created it
	done    chan struct{} // closed when it has ended

	mu     sync.Mutex
	ended  bool
	err    error
	unbind func() bool     // releases the parent context
	orphan <-chan struct{} // closed when the parent context ends
}

func (w *feed) begin(request *pb.WatchCreateRequest, limit int) {
	w.request, w.created, w.done = request, make(chan struct{}), make(chan struct{})
	w.rev.Store(max(0, request.StartRevision-1))
	w.at.begin(request)
	w.buffer.init(limit)
}

// bind has leave called when parent ends.
func (w *feed) bind(parent context.Context, leave func()) {
	unbind := context.AfterFunc(parent, leave)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unbind, w.orphan = unbind, parent.Done()
	if w.ended {
		unbind()
	}
}

// end ends the watch, and reports whether this call did it. The reader still gets the events in the buffer, unless drop is
// set. They are dropped before Done is closed, so no reader gets one of them after that.
func (w *feed) end(err error, drop bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return false
	}
	w.ended, w.err = true, err
	if w.unbind != nil {
		w.unbind()
	}
	w.buffer.close(drop)
	close(w.done)
	return true
}

// reason is why the watch has ended.
func (w *feed) reason() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// exists reports whether a server has created the watch.
func (w *feed) exists() bool {
	select {
	case <-w.created:
		return true
	default:
		return false
	}
}

// delivered notes that the reader has everything up to rev.
func (w *feed) delivered(rev int64) {
	if rev > w.rev.Load() { // a member that is behind may tell of earlier progress
		w.rev.Store(rev)
	}
}

// deliveredWhole notes that the reader has the whole of r.
func (w *feed) deliveredWhole(r *pb.WatchResponse) {
	rev := revisionOf(r)
	if r.Fragment {
		rev-- // the next response may hold the rest of the revision
	}
	w.delivered(rev)
}

// needsPace reports whether a parked watch belongs on a paced stream: its events are large, or it was parked twice without
// being in step in between. The lock of the stream is held.
func (w *feed) needsPace() bool {
	return !w.probe && (w.request.Fragment || w.at.large || w.at.parks > 1)
}
