// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"slices"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
)

const (
	// progressInterval is how often the server is asked how far the watches are, so that one on which nothing happens
	// does not stay behind the history that is kept.
	progressInterval = time.Second
	// patience is for how many intervals a server may say nothing before it is asked for its health. It says nothing on
	// good grounds while a watch on the stream catches up.
	patience = 2
)

// creation is a request to create a watch that has not been answered.
type creation struct {
	of   *Watcher
	sent time.Time
}

// want has a watch created. The lock is held.
func (s *shared) want(w *Watcher) {
	w.at.stage = wanted
	s.notice(w)
	s.wants = append(s.wants, w)
	s.signal()
}

// wantNext has a watch created before all others. The lock is held.
func (s *shared) wantNext(w *Watcher) {
	w.at.stage = wanted
	s.wants = slices.Insert(s.wants, 0, w)
	s.signal()
}

// cancel has the watch cancelled that the server knows under an ID. The lock is held.
func (s *shared) cancel(known int64) {
	s.cancels = append(s.cancels, known)
	s.signal()
}

// askProgress asks how far the watches are, for the reader of one of them.
func (s *shared) askProgress(w *Watcher) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kind == chooser || s.kind == unknown && s.hub.mute.Load() {
		return ErrNoProgress
	}
	w.at.wantsAnswer = true
	s.report = true
	s.signal()
	return nil
}

func (s *shared) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// send sends what is demanded.
func (s *shared) send(ctx context.Context, stream engine.Stream) {
	for {
		for r := s.nextRequest(); r != nil; r = s.nextRequest() {
			if stream.SendMsg(r) != nil {
				return // receiving tells why
			}
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}

// prompt asks for progress again and again, and has the endpoint verified when the server says nothing. It returns why
// the stream is of no use any more, or nil at the end of ctx.
func (s *shared) prompt(ctx context.Context, stream engine.Stream) error {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for silent := 1; ; silent++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		s.mu.Lock()
		overdue := s.overdue(time.Now())
		if overdue {
			s.creates[0].of.at.tardy = true
		}
		s.report = s.report || s.kind == member && !s.holds.Load()
		due := s.report && len(s.known) > 0 || len(s.creates) > 0 // an answer
		s.mu.Unlock()
		if overdue {
			return errUnanswered
		}
		s.signal()
		if s.place.paced {
			s.settle()
		}
		if s.heard.Swap(false) || !due || s.holds.Load() {
			silent = 0
			s.noteSilence(nil)
		} else if silent%patience == 0 {
			s.noteSilence(errSilent)
			stream.Doubt()
		}
	}
}

var errSilent = errors.New("watch: the server says nothing")

// noteSilence notes that the server owes an answer, or that it does not.
func (s *shared) noteSilence(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why != nil && s.silent == nil {
		s.silentSince = time.Now()
	}
	s.silent = why
	s.noticeAll()
}

// nextRequest turns the next demand into a request; nil when there is none, or none that may be sent yet.
func (s *shared) nextRequest() *pb.WatchRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cancels) > 0 {
		known := s.cancels[0]
		s.cancels = s.cancels[1:]
		return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{
			CancelRequest: &pb.WatchCancelRequest{WatchId: known},
		}}
	}
	for len(s.wants) > 0 {
		if s.kind != member && len(s.creates) > 0 {
			return nil
		}
		w := s.wants[0]
		s.wants[0] = nil
		s.wants = s.wants[1:]
		if w.at.stage == wanted {
			return s.create(w)
		}
	}
	s.wants = nil
	if s.report && len(s.known) > 0 && (s.kind == member || s.kind == refuser) {
		s.report = false
		s.asked++
		return progressRequest()
	}
	return nil
}

// create makes the request that creates a watch where it stands. The lock is held.
//
// The server is to tell now and then how far it is, also where the reader does not ask for that: answers for the stream
// as a whole fail to come while another watch on it catches up.
func (s *shared) create(w *Watcher) *pb.WatchRequest {
	at, asked := &w.at, w.request
	s.creates = append(s.creates, creation{w, time.Now()})
	at.stage, at.known, at.askedBefore = creating, 0, s.asked
	at.widened, at.beyond = false, ""
	r := &pb.WatchCreateRequest{
		Key: asked.Key, RangeEnd: asked.RangeEnd, StartRevision: at.next, ProgressNotify: true,
		PrevKv: asked.PrevKv, Fragment: asked.Fragment || at.large,
	}
	switch s.kind {
	case unknown, member:
		// A member may still send, after a creation, what it had in hand for a watch that had the same ID.
		s.lastID++
		at.known = s.lastID
		r.WatchId, r.Filters = at.known, asked.Filters
	case chooser:
		if key, end, ok := widened(asked); ok && !at.confined {
			r.Key, r.RangeEnd, at.widened = key, end, true
		} else if end, ok := narrowed(asked); ok {
			r.RangeEnd, at.beyond = end, string(end)
		} else {
			r.PrevKv = true // see chain.go
		}
	}
	return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: r}}
}

func progressRequest() *pb.WatchRequest {
	return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}}
}
