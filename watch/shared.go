// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// shared is a stream that watches share, through all its reconnections. Its lock guards the positions of its watches; it
// is never held while sending or receiving.
type shared struct {
	hub   *hub
	place place
	life  context.Context // ends when the last watch leaves, or the connection closes
	end   context.CancelCauseFunc

	heard atomic.Bool   // something was received since this was last looked at
	holds atomic.Bool   // nothing is received now, for want of room
	wake  chan struct{} // holds one signal that there is something to send

	mu       sync.Mutex
	watchers map[*Watcher]struct{}
	staying  int // watchers that are not leaving
	stopped  bool
	down     bool // no endpoint for it is Active

	// What follows is of the stream that is open now.
	endpoint    string    // "" while there is none
	since       time.Time // since when there is one, or not
	why         error     // the last one broke
	silent      error     // the server owes an answer
	silentSince time.Time
	oversized   int                // streams in a row that broke for the size of a response
	known       map[int64]*Watcher // by the ID under which the server knows them
	lastID      int64              // given to the server; each creation has a new one
	kind        kind
	punctual    bool       // progress responses do not overtake events
	wants       []*Watcher // to be created
	creates     []creation // sent and not answered
	cancels     []int64    // to be sent
	moves       []*Watcher // to be moved to a stream of another kind
	filled      bool       // the buffer of the one watch was full since this was last looked at
	report      bool       // a progress request is to be sent
	asked       int64      // progress requests sent
	answered    int64      // progress responses received
}

func newShared(h *hub, at place) *shared {
	s := &shared{hub: h, place: at, watchers: map[*Watcher]struct{}{}, wake: make(chan struct{}, 1)}
	s.life, s.end = context.WithCancelCause(context.Background())
	return s
}

// add puts a watch on the stream, if there is room, and hope.
func (s *shared) add(w *Watcher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.down || len(s.watchers) >= streamSize && !w.probe {
		return false
	}
	w.stream = s
	s.watchers[w] = struct{}{}
	s.staying++
	s.want(w)
	return true
}

// remove takes a watch off the stream that has ended on this side, and reports whether none is left.
func (s *shared) remove(w *Watcher) (empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch w.at.stage {
	case live:
		w.at.stage = leaving
		s.cancel(w.at.known)
		s.staying--
	case creating, parking, draining:
		w.at.stage = leaving
		s.staying--
	case wanted, parked:
		w.at.stage = gone
		delete(s.watchers, w)
		s.staying--
	}
	s.notice(w)
	return s.staying == 0
}

// stopIfEmpty ends the stream if no watch is on it, or all are leaving, and reports whether it has ended.
func (s *shared) stopIfEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.staying == 0 {
		s.stopped = true
		s.end(nil)
	}
	return s.stopped
}

// take ends the stream and returns the watches that were on it.
func (s *shared) take() []*Watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	var all []*Watcher
	for w := range s.watchers {
		w.at.stage = gone
		s.notice(w)
		all = append(all, w)
	}
	s.watchers, s.staying = nil, 0
	return all
}

// unpark resumes a watch once its buffer has room. It reports whether the watch is to move to a stream of its own.
func (s *shared) unpark(w *Watcher) (move bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch w.at.stage {
	case parked:
		if w.needsPace() {
			return true
		}
		w.at.reset()
		s.want(w)
	case parking:
		w.at.room = true
	}
	return false
}

// again has a parked watch created where it was.
func (s *shared) again(w *Watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.at.stage == parked {
		w.at.reset()
		s.want(w)
	}
}

// give takes a parked watch off the stream, to put it on another, and reports whether none is left here.
func (s *shared) give(w *Watcher) (empty, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, here := s.watchers[w]; !here || w.at.stage != parked {
		return false, false
	}
	delete(s.watchers, w)
	s.staying--
	w.at.reset()
	return s.staying == 0, true
}

// run keeps the stream open until it is no longer needed.
func (s *shared) run(life context.Context) {
	defer context.AfterFunc(life, func() { s.end(context.Cause(life)) })()
	stream := resume.Stream{
		Conn: s.hub.conn, Desc: &pb.Watch_ServiceDesc.Streams[0], Method: pb.Watch_Watch_FullMethodName,
		Endpoint: s.place.endpoint, Pinned: s.place.pinned, Options: []grpc.CallOption{grpc.ForceCodecV2(newCodec())},
	}
	err := stream.Run(s.life, s.serve, s.broken)
	if life.Err() != nil {
		err = connerr.ErrClosed
	}
	s.hub.ended(s, err)
}

// broken is told why the stream broke, or could not be opened. The watches on it wait for the next, but for those that
// their callers are waiting for in vain.
func (s *shared) broken(err error) {
	s.mu.Lock()
	s.opened("", err)
	s.mu.Unlock()
	if !resume.Outage(err) {
		return
	}
	s.mu.Lock()
	s.down = true
	var vain []*Watcher
	for w := range s.watchers {
		select {
		case <-w.created:
		default:
			vain = append(vain, w)
		}
	}
	s.mu.Unlock()
	for _, w := range vain {
		w.leave(err)
	}
}

// serve uses one stream until it breaks.
func (s *shared) serve(ctx context.Context, stream engine.Stream) (err error) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !errors.Is(err, resume.ErrAgain) {
			s.opened("", err)
		}
	}()
	s.await(ctx)
	if err := s.hub.compare(ctx, s.aKey(), s.place); err != nil {
		return err
	}
	s.start(stream.Endpoint())
	s.punctual = punctual(stream.Version())
	serving, stop := context.WithCancelCause(ctx)
	var helpers sync.WaitGroup
	helpers.Go(func() { s.send(serving, stream) })
	helpers.Go(func() { s.doubtHistory(serving) })
	helpers.Go(func() { s.proveQuiet(serving) })
	helpers.Go(func() {
		if err := s.prompt(serving, stream); err != nil {
			stop(err)
			stream.Abort()
		}
	})
	defer helpers.Wait()
	defer stream.Abort() // so that the sender does not wait for a server that takes nothing
	defer stop(nil)
	for {
		s.await(ctx)
		r := new(pb.WatchResponse)
		if err := stream.RecvMsg(r); err != nil {
			if serving.Err() != nil && ctx.Err() == nil {
				err = context.Cause(serving)
			}
			return s.outsized(err)
		}
		s.heard.Store(true)
		if err := s.receive(r); err != nil {
			return err
		}
	}
}

// start prepares for a new stream, on which no watch has been created.
func (s *shared) start(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened(endpoint, nil)
	s.down = false
	s.known, s.lastID, s.kind = map[int64]*Watcher{}, 0, unknown
	s.wants, s.creates, s.cancels, s.moves, s.filled = nil, nil, nil, nil, true
	s.report, s.asked, s.answered = false, 0, 0
	var tardy []*Watcher
	for w := range s.watchers {
		w.at.reset()
		switch w.at.stage {
		case wanted, creating, live, draining:
			if w.at.tardy {
				tardy = append(tardy, w)
			} else {
				s.want(w)
			}
		case parking:
			if w.at.room {
				s.want(w)
			} else {
				w.at.stage = parked
			}
		case leaving:
			w.at.stage = gone
			delete(s.watchers, w)
		}
	}
	for _, w := range tardy { // the others need not wait for them again
		s.want(w)
	}
}
