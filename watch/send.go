// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

const (
	// progressInterval is how often the server is asked how far the watches are, so that one on which nothing happens
	// does not stay behind the history that is kept.
	progressInterval = time.Second
	// patience is for how many intervals a server may say nothing before it is asked for its health. It says nothing on
	// good grounds while a watch on the stream catches up.
	patience = 2
)

// demand is something to ask of the server: to create a watch, or to cancel the one that it knows under an ID.
type demand struct {
	create *Watcher
	cancel int64
}

// demand has something asked of the server. The lock is held.
func (s *shared) demand(d demand) {
	s.out = append(s.out, d)
	s.signal()
}

// askProgress asks how far the watches are, for the reader of one of them.
func (s *shared) askProgress(w *Watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.at.wantsAnswer = true
	s.report = true
	s.signal()
}

func (s *shared) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// send sends what is demanded.
func (s *shared) send(ctx context.Context, stream conn.Stream) {
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

// prompt asks for progress again and again, and has the endpoint verified when the server says nothing.
func (s *shared) prompt(ctx context.Context, stream conn.Stream) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for silent := 1; ; silent++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		s.report = true
		due := len(s.known) > 0 || len(s.creates) > 0 // an answer
		s.mu.Unlock()
		s.signal()
		if s.heard.Swap(false) || !due {
			silent = 0
		} else if silent%patience == 0 {
			stream.Doubt()
		}
	}
}

// nextRequest turns the next demand into a request; nil when there is none.
func (s *shared) nextRequest() *pb.WatchRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe {
		// On a stream without watches, only a server answers that does not know how far they are: see progressed.
		s.probe = false
		return progressRequest()
	}
	for len(s.out) > 0 {
		d := s.out[0]
		s.out[0] = demand{}
		s.out = s.out[1:]
		if d.create == nil {
			return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{
				CancelRequest: &pb.WatchCancelRequest{WatchId: d.cancel},
			}}
		}
		at := &d.create.at
		if at.stage != wanted {
			continue
		}
		// A member may still send, after a creation, what it had in hand for a watch that had the same ID.
		s.lastID++
		at.stage, at.known, at.askedBefore = creating, s.lastID, s.asked
		s.creates = append(s.creates, d.create)
		return at.create(d.create.request)
	}
	s.out = nil
	if s.report && len(s.known) > 0 {
		s.report = false
		s.asked++
		return progressRequest()
	}
	return nil
}

func progressRequest() *pb.WatchRequest {
	return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}}
}
