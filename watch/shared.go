// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/resume"
)

// shared is a stream that watches share, through all its reconnections. Its lock guards the positions of its watches; it
// is never held while sending or receiving.
type shared struct {
	hub   *hub
	place place
	life  context.Context // ends when the last watch leaves, or the connection closes
	end   context.CancelCauseFunc

	heard atomic.Int64 // when something was received last, Unix nanoseconds

	mu       sync.Mutex
	watchers map[*Watcher]struct{}
	staying  int // watchers that are not leaving
	stopped  bool
	out      []demand
	wake     chan struct{} // holds one signal that there is something to send

	// What follows is of the stream that is open now.
	endpoint string
	known    map[int64]*Watcher // by the ID under which the server knows them
	lastID   int64              // given to the server; each creation has a new one
	creates  []*Watcher         // creations sent and not answered: the server answers in order
	asked    int64              // progress requests sent
	answered int64              // progress responses received
}

// demand is something to ask of the server.
type demand struct {
	kind demandKind
	w    *Watcher // to create
	id   int64    // to cancel
}

type demandKind uint8

const (
	toCreate demandKind = iota
	toCancel
	toReport
)

func newShared(h *hub, at place) *shared {
	s := &shared{hub: h, place: at, watchers: map[*Watcher]struct{}{}, wake: make(chan struct{}, 1)}
	s.life, s.end = context.WithCancelCause(context.Background())
	return s
}

// add puts a watch on the stream, if there is room.
func (s *shared) add(w *Watcher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || len(s.watchers) >= streamSize {
		return false
	}
	w.stream = s
	s.watchers[w] = struct{}{}
	s.staying++
	s.want(w)
	return true
}

// want has a watch created. The lock is held.
func (s *shared) want(w *Watcher) {
	w.at.stage = wanted
	s.demand(demand{kind: toCreate, w: w})
}

func (s *shared) demand(d demand) {
	s.out = append(s.out, d)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// remove takes a watch off the stream that has ended on this side.
func (s *shared) remove(w *Watcher) {
	s.mu.Lock()
	switch w.at.stage {
	case live:
		w.at.stage = leaving
		s.demand(demand{kind: toCancel, id: w.at.known})
		s.staying--
	case creating, parking:
		w.at.stage = leaving
		s.staying--
	case wanted, parked:
		w.at.stage = gone
		delete(s.watchers, w)
		s.staying--
	}
	empty := s.staying == 0
	s.mu.Unlock()
	if empty {
		s.hub.retire(s)
	}
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
		all = append(all, w)
	}
	s.watchers, s.staying = nil, 0
	return all
}

// unpark has a watch go on for whose buffer there is room again.
func (s *shared) unpark(w *Watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch w.at.stage {
	case parked:
		w.at.reset()
		s.want(w)
	case parking:
		w.at.room = true
	}
}

// askProgress asks how far the watches are, for the reader of one of them.
func (s *shared) askProgress(w *Watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.at.wantsAnswer = true
	s.demand(demand{kind: toReport})
}

// run keeps the stream open until it is no longer needed.
func (s *shared) run(life context.Context) {
	defer context.AfterFunc(life, func() { s.end(context.Cause(life)) })()
	stream := resume.Stream{
		Conn: s.hub.conn, Desc: &pb.Watch_ServiceDesc.Streams[0], Method: pb.Watch_Watch_FullMethodName,
		Endpoint: s.place.endpoint, Pinned: s.place.pinned,
	}
	err := stream.Run(s.life, s.serve, s.broken)
	if life.Err() != nil {
		err = conn.ErrClosed
	}
	s.hub.ended(s, err)
}

// broken is told why the stream broke, or could not be opened. The watches on it wait for the next, but for those that
// their callers are waiting for in vain.
func (s *shared) broken(err error) {
	if !errors.Is(err, conn.ErrUnavailable) {
		return
	}
	s.mu.Lock()
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
func (s *shared) serve(ctx context.Context, stream conn.Stream) error {
	s.start(stream.Endpoint())
	sending, stop := context.WithCancel(ctx)
	var sender sync.WaitGroup
	sender.Go(func() { s.send(sending, stream) })
	defer sender.Wait()
	defer stream.Abort() // so that the sender does not wait for a server that takes nothing
	defer stop()
	for {
		r := new(pb.WatchResponse)
		if err := stream.RecvMsg(r); err != nil {
			return err
		}
		s.heard.Store(time.Now().UnixNano())
		if err := s.receive(r); err != nil {
			return err
		}
	}
}

// start prepares for a new stream, on which no watch has been created.
func (s *shared) start(endpoint string) {
	s.heard.Store(time.Now().UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint, s.known, s.lastID = endpoint, map[int64]*Watcher{}, 0
	s.out, s.creates, s.asked, s.answered = nil, nil, 0, 0
	for w := range s.watchers {
		w.at.reset()
		switch w.at.stage {
		case wanted, creating, live:
			s.want(w)
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
}

// progressInterval is how often the server is asked how far the watches are, so that one on which nothing happens does
// not stay behind the history that is kept.
const progressInterval = time.Second

// silence is for how long a server that is asked every progressInterval may say nothing before it is asked for its
// health. It says nothing on good grounds while a watch on the stream catches up.
const silence = 3 * progressInterval

func (s *shared) send(ctx context.Context, stream conn.Stream) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-ticker.C:
			s.mu.Lock()
			s.out = append(s.out, demand{kind: toReport})
			s.mu.Unlock()
			if time.Since(time.Unix(0, s.heard.Load())) > silence {
				stream.Doubt()
			}
		}
		for {
			request := s.nextRequest()
			if request == nil {
				break
			}
			if stream.SendMsg(request) != nil {
				return // receiving tells why
			}
		}
	}
}

// nextRequest turns the next demand into a request; nil when there is none.
func (s *shared) nextRequest() *pb.WatchRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.out) > 0 {
		d := s.out[0]
		s.out[0] = demand{}
		s.out = s.out[1:]
		switch d.kind {
		case toCreate:
			if d.w.at.stage != wanted {
				continue
			}
			// A member may still send, after a creation, what it had in hand for a watch that had the same ID.
			s.lastID++
			d.w.at.stage, d.w.at.known, d.w.at.askedBefore = creating, s.lastID, s.asked
			s.creates = append(s.creates, d.w)
			return d.w.at.create(d.w.request)
		case toCancel:
			return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{
				CancelRequest: &pb.WatchCancelRequest{WatchId: d.id},
			}}
		case toReport:
			s.asked++
			return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{
				ProgressRequest: &pb.WatchProgressRequest{},
			}}
		}
	}
	s.out = nil
	return nil
}

// refused is the error of a watch to which the server said why, and whether another try may help.
func (s *shared) refused(r *pb.WatchResponse) (err error, passing bool) {
	if r.CompactRevision != 0 {
		return &CompactedError{CompactRevision: r.CompactRevision}, false
	}
	err = refusal(r.CancelReason, s.endpoint)
	var e *etcderr.Error
	return err, r.CancelReason == "" || errors.As(err, &e) && e.SafeToRetry()
}
