// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"iter"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onereader"
)

var (
	errClosed = errors.New("watch: closed")
	errInUse  = errors.New("watch: another reader is at work")
)

// Watcher is one watch. It has one reader at a time: a loop over Responses, a loop over Events, or the receiver of Chan. All
// other methods are safe for concurrent use.
type Watcher struct {
	feed
	hub     *hub
	reader  onereader.Gate
	channel chan *pb.WatchResponse // made by Chan
}

func newWatcher(h *hub, request *pb.WatchCreateRequest, limit int) *Watcher {
	w := &Watcher{hub: h}
	w.begin(request, limit)
	return w
}

// bind ends the watch with parent.
func (w *Watcher) bind(parent context.Context) {
	w.feed.bind(parent, func() { w.hub.leave(&w.feed, contextEnded(parent, nil)) })
}

// ID returns the watch ID: the one of WithWatchID, or one that the SDK has made up. It stays the same on every stream.
func (w *Watcher) ID() int64 { return w.at.id }

// Rev returns the revision up to which the reader has everything. A watch from Rev()+1 on misses nothing. Before the first
// event or progress it is the revision before WithStartRevision or, without a start revision, the revision at which the watch
// was created. In a loop over Events, a revision counts from its last event on. With Chan, a response counts as soon as it is
// offered on the channel.
func (w *Watcher) Rev() int64 { return w.rev.Load() }

// Done returns a channel that is closed when the watch has ended. No further events arrive then. The reader still gets the
// events that arrived before, unless the watch was closed or its context ended.
func (w *Watcher) Done() <-chan struct{} { return w.done }

// Err returns why the watch ended: a [*CompactedError], a [*RewoundError], [ErrBeyond], an [*etcderr.Error], conn.ErrClosed or
// the error of its parent context. It is nil while the watch runs, and after Close.
func (w *Watcher) Err() error { return w.reason() }

// Close ends the watch on the server, drops the events that have not been read, and ends a loop over them. Other watches are
// not affected. It always returns nil, and may be called more than once.
func (w *Watcher) Close() error {
	if w.done != nil { // it is nil in the zero value
		w.hub.leave(&w.feed, nil)
	}
	return nil
}

// Status returns whether the watch is on a server or, if not, since when and why. A watch in trouble goes on by itself. Err and
// Done tell about its end, and [Status.Changed] about the next change. Status never blocks, calls no server, and is safe for
// concurrent use.
func (w *Watcher) Status() Status {
	status := w.hub.status(&w.feed)
	status.Waiting = w.buffer.waiting()
	return status
}

// Progress asks the server how far the watch is. The reader gets the answer as a response without events, after every event up
// to its revision. The answer does not come while any watch on the same stream catches up with the history. Servers before
// 3.4.25 and 3.5.8 may answer too early.
//
// Progress returns when the request is queued. It returns why the watch has ended if it has, and [ErrNoProgress] if the
// server does not answer such requests, as with a gRPC proxy. There, Rev of [Watcher.Status] tells how far the watch is.
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
		return w.hub.askProgress(&w.feed)
	}
}

// next waits for the next response. It returns nil at the end of the watch.
func (w *Watcher) next() *pb.WatchResponse {
	r, room := w.buffer.pop()
	if room {
		w.hub.unpark(&w.feed)
	}
	return r
}

// Responses returns the responses of the server as they come. A response holds the events of one or more whole revisions,
// unless WithFragment asks for parts of them, or it holds progress and no events. The loop ends with the watch. If the watch
// ended with an error, the last turn of the loop yields it. The watch stays open when the loop is left, and the next loop
// continues there.
func (w *Watcher) Responses() iter.Seq2[*pb.WatchResponse, error] {
	return onereader.Seq(&w.reader, errInUse, func(yield func(*pb.WatchResponse, error) bool) {
		for r := w.next(); r != nil; r = w.next() {
			w.deliveredWhole(r)
			if !yield(r, nil) {
				return
			}
		}
		if err := w.Err(); err != nil {
			yield(nil, err)
		}
	})
}

// Events returns the events one by one. Its loop ends as that of [Watcher.Responses].
//
// Events of up to 1 KiB that come together share memory, up to eight of them. A program that keeps one in eight for long should
// copy what it needs.
func (w *Watcher) Events() iter.Seq2[*mvccpb.Event, error] {
	return onereader.Seq(&w.reader, errInUse, func(yield func(*mvccpb.Event, error) bool) {
		for r := w.next(); r != nil; r = w.next() {
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
	})
}

// Chan returns the responses on a channel, for use in a select. The channel is closed at the end of the watch, and Err then
// says why. Each call returns the same channel. From the first call on, the receiver of the channel is the watch's one reader.
func (w *Watcher) Chan() <-chan *pb.WatchResponse {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.channel != nil {
		return w.channel
	}
	w.channel = make(chan *pb.WatchResponse)
	if !w.reader.Enter() {
		close(w.channel)
	} else if w.hub.conn.Go(w.pump) != nil { // the connection is closed
		w.reader.Leave()
		close(w.channel)
	}
	return w.channel
}

// pump carries responses from the buffer to the channel.
func (w *Watcher) pump(life context.Context) {
	defer close(w.channel)
	for r := w.next(); r != nil; r = w.next() {
		w.deliveredWhole(r)
		select {
		case w.channel <- r:
		case <-w.buffer.dropped:
			return
		case <-w.orphan: // the watch may have ended before its parent, with events in its buffer
			return
		case <-life.Done():
			return
		}
	}
}
