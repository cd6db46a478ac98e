// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// Watcher is one watch. It has one reader at a time: a loop over Responses, one over Events, or the reader of Chan. Its
// other methods are safe for concurrent use.
type Watcher struct {
	request *pb.WatchCreateRequest // as the caller has it; never sent itself
	hub     *hub
	stream  *shared  // guarded by the hub's lock
	at      position // guarded by the stream's lock
	buffer  buffer
	created chan struct{} // closed when the server has created it for the first time
	probe   bool          // see quiet.go
	early   bool          // set by then: it was created long before its start revision
	done    chan struct{} // closed at the end
	rev     atomic.Int64  // delivered
	shown   shown         // guarded by the stream's lock

	mu      sync.Mutex
	err     error
	ended   bool
	reading bool                   // a reader is at work
	channel chan *pb.WatchResponse // made by Chan
	unbind  func() bool            // lets go of the parent context
	orphan  <-chan struct{}        // closed at the end of the parent context
}

func newWatcher(request *pb.WatchCreateRequest, limit int) *Watcher {
	w := &Watcher{request: request, created: make(chan struct{}), done: make(chan struct{})}
	w.rev.Store(max(0, request.StartRevision-1))
	w.at.begin(request)
	w.buffer.init(limit)
	return w
}

// bind ends the watch with parent.
func (w *Watcher) bind(parent context.Context) {
	unbind := context.AfterFunc(parent, func() { w.leave(contextEnded(parent, nil)) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unbind, w.orphan = unbind, parent.Done()
	if w.ended {
		unbind()
	}
}

// ID returns the watch ID: that of WithWatchID, or one made up by the SDK. It stays the same when the watch moves to
// another stream.
func (w *Watcher) ID() int64 { return w.at.id }

// Rev returns the revision up to which everything has been delivered to the reader: a watch from Rev()+1 on misses nothing.
// Before the first event or progress it is the revision before WithStartRevision, or that of the creation of a watch from
// now on. In a loop over Events a revision counts from its last event on. On Chan, a response that waits to be received
// counts already.
func (w *Watcher) Rev() int64 { return w.rev.Load() }

// delivered notes that the reader has everything up to rev.
func (w *Watcher) delivered(rev int64) {
	if rev > w.rev.Load() { // the progress of a member that is behind is no way back
		w.rev.Store(rev)
	}
}

// deliveredWhole notes that the reader has the whole of r.
func (w *Watcher) deliveredWhole(r *pb.WatchResponse) {
	rev := revisionOf(r)
	if r.Fragment {
		rev-- // the rest of the revision may be in the next one
	}
	w.delivered(rev)
}

// Done returns a channel that is closed when the watch has ended: nothing more will arrive, though events that arrived
// before may still be read.
func (w *Watcher) Done() <-chan struct{} { return w.done }

// Err returns why the watch ended: a [*CompactedError], a [*RewoundError], an [*etcderr.Error], conn.ErrClosed or the error of its parent
// context. It is nil while the watch runs and after Close.
func (w *Watcher) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Close ends the watch on the server, drops what has not been read, and ends a loop over it. Other watches on the
// stream go on. It returns nil, also when the watch has ended already.
func (w *Watcher) Close() error {
	if w.done == nil { // the zero value
		return nil
	}
	w.leave(nil)
	return nil
}

// Progress asks the server how far the watch is. The answer, a response without events, is delivered to the reader when
// every event up to its revision has been, which takes as long as any watch on the same stream has not caught up. Servers
// before 3.4.25 and 3.5.8 may answer too early. It returns why the watch has ended if it has, and [ErrNoProgress] where the
// server would not answer, as a gRPC proxy; Rev of [Watcher.Status] tells there how far the watch is.
func (w *Watcher) Progress(parent context.Context) error {
	if parent == nil {
		return &ctx.InvalidError{Conflicts: []string{"watch: the parent context is nil"}}
	}
	if err := parent.Err(); err != nil {
		return err
	}
	select {
	case <-w.done:
		if err := w.Err(); err != nil {
			return err
		}
		return errClosed
	default:
		return w.hub.askProgress(w)
	}
}

var (
	errClosed = errors.New("watch: closed")
	errInUse  = errors.New("watch: another reader is at work")
)

// leave ends the watch from this side: what waits in the buffer is of no use to a reader who has left.
func (w *Watcher) leave(err error) {
	if w.end(err, true) {
		w.hub.remove(w)
	} else {
		w.buffer.close(true)
	}
}

// end records the end of the watch, and reports whether it was this call that ended it. What waits in the buffer stays for
// the reader unless it is to be dropped, which comes before Done says so: who has seen that reads nothing more then.
func (w *Watcher) end(err error, drop bool) bool {
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

// fail ends the watch from the server's side, or the connection's: the reader still gets what arrived before.
func (w *Watcher) fail(err error, drop bool) {
	w.end(err, drop)
}

// acquire makes the caller the reader.
func (w *Watcher) acquire() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reading {
		return false
	}
	w.reading = true
	return true
}

func (w *Watcher) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading = false
}

// next waits for the next response; it returns nil at the end.
func (w *Watcher) next() *pb.WatchResponse {
	r, room := w.buffer.pop()
	if room {
		w.hub.unpark(w)
	}
	return r
}

// Responses returns the responses of the server as they come: the events of one or more revisions, never a part of a
// revision (unless WithFragment asked for parts), or progress, without events. The loop ends with the watch; if the
// watch ended with an error, that is its last turn. To leave the loop leaves the watch open, and the next loop goes on
// where it ended.
func (w *Watcher) Responses() iter.Seq2[*pb.WatchResponse, error] {
	return func(yield func(*pb.WatchResponse, error) bool) {
		if !w.acquire() {
			yield(nil, errInUse)
			return
		}
		defer w.release()
		for {
			r := w.next()
			if r == nil {
				break
			}
			w.deliveredWhole(r)
			if !yield(r, nil) {
				return
			}
		}
		if err := w.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// Events returns the events one by one; see [Watcher.Responses].
func (w *Watcher) Events() iter.Seq2[*mvccpb.Event, error] {
	return func(yield func(*mvccpb.Event, error) bool) {
		if !w.acquire() {
			yield(nil, errInUse)
			return
		}
		defer w.release()
		for {
			r := w.next()
			if r == nil {
				break
			}
			if len(r.Events) == 0 {
				w.deliveredWhole(r)
			}
			for i, event := range r.Events {
				if i+1 == len(r.Events) {
					w.deliveredWhole(r)
				} else if rev := event.Kv.ModRevision; rev < r.Events[i+1].Kv.ModRevision {
					w.delivered(rev)
				}
				if !yield(event, nil) {
					w.buffer.putBack(r, i+1)
					return
				}
			}
		}
		if err := w.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// Chan returns the responses on a channel, for a select. It is closed at the end of the watch; then Err says why. Each
// call returns the same channel. From the first call on the channel is the watch's one reader.
func (w *Watcher) Chan() <-chan *pb.WatchResponse {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.channel != nil {
		return w.channel
	}
	w.channel = make(chan *pb.WatchResponse)
	if w.reading || w.stream.hub.conn.Go(w.pump) != nil {
		close(w.channel)
		return w.channel
	}
	w.reading = true
	return w.channel
}

// pump carries responses from the buffer to the channel.
func (w *Watcher) pump(life context.Context) {
	defer close(w.channel)
	for {
		r := w.next()
		if r == nil {
			return
		}
		w.deliveredWhole(r)
		select {
		case w.channel <- r:
		case <-w.buffer.dropped:
			return
		case <-w.orphan: // of a watch that had ended by itself
			return
		case <-life.Done():
			return
		}
	}
}
