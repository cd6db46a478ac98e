// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

const (
	// everyWatch is the watch ID of a progress response for all watches of its stream.
	everyWatch = -1
	// denialsMax is how often a creation is repeated that a server refuses without a reason.
	denialsMax = 3
)

// receiver takes the responses of a stream apart.
type receiver struct{ *shared }

// outcome is what a response means beside events: the watch that it ends, and why. A watch that ended on this side has no why.
type outcome struct {
	over *feed
	why  error
}

// receive takes one response. An error breaks the stream, and the watches go on on the next one.
func (s receiver) receive(r *pb.WatchResponse) error {
	s.mu.Lock()
	if !s.note(r) {
		s.mu.Unlock()
		return errOtherHistory
	}
	s.rev = max(s.rev, r.Header.GetRevision())
	s.compacted = max(s.compacted, r.CompactRevision)
	var out outcome
	var err error
	switch {
	case r.Created:
		out, err = s.created(r)
	case r.Canceled:
		out, err = s.cancelled(r)
	case r.WatchId == everyWatch:
		s.progressed(r)
	default:
		if w := s.known[r.WatchId]; w != nil && w.at.stage.takes() {
			r.WatchId = w.at.id
			delivery{s.shared, w}.take(r)
		}
	}
	if out.over != nil {
		s.remove(out.over)
	}
	empty, other := s.staying == 0, s.other
	s.other = nil
	moves := s.moves
	s.moves = nil
	s.mu.Unlock()
	for _, w := range moves {
		s.owner.move(w, !s.place.paced)
	}
	if other != nil {
		s.past.Over(other.at.epoch, r.Header)
		err = errOtherHistory
	}
	if out.over != nil && out.why != nil {
		out.over.end(out.why, false)
	}
	if out.over != nil && empty {
		s.owner.retire(s.shared)
	}
	return err
}

// note notes what a response tells about the store. It reports false if that is not the history in which the stream was opened, or
// that history is over. So no watch of a later history relies on the stream. The lock is held.
func (s receiver) note(r *pb.WatchResponse) bool {
	// A proxy that answers a creation itself names no member. Its revision is then the one that the creation asked for.
	if r.Created && r.Header.GetMemberId() == 0 {
		return s.past.Epoch() == s.epoch
	}
	return s.past.Note(s.epoch, r.Header, r.Events)
}

// created takes the answer to the creation that was sent first of those not answered.
func (s receiver) created(r *pb.WatchResponse) (outcome, error) {
	if len(s.creates) == 0 {
		return outcome{}, errProtocol
	}
	w := s.answer()
	if r.Canceled {
		return s.denied(w, r)
	}
	asked := w.at.known
	if s.known[r.WatchId] != nil || s.kind == member && r.WatchId != asked {
		return outcome{}, errProtocol
	}
	if s.kind == unknown && r.WatchId == asked {
		s.kind = member
		s.mute.Store(false)
	}
	if s.kind == unknown {
		s.kind = chooser
		s.mute.Store(true)
		s.cancel(r.WatchId)
		if w.at.stage == leaving {
			return outcome{over: w}, nil
		}
		s.createFirst(w) // in the way that suits such a server
		return outcome{}, nil
	}
	if s.lossy && w.at.stage != leaving && w.at.loses(r.Header.GetRevision()) {
		w.at.earlier = true
		s.cancel(r.WatchId)
		s.createFirst(w)
		return outcome{}, nil
	}
	w.at.confirmed(r.WatchId, r.Header.GetRevision())
	s.known[r.WatchId] = w
	if !w.at.begun {
		w.at.begun = true
		if w.request.StartRevision == 0 {
			w.at.epoch = s.epoch
			w.delivered(r.Header.GetRevision())
		}
	}
	if !w.exists() {
		w.early = w.request.StartRevision-r.Header.GetRevision() > lag
		close(w.created)
	}
	if w.at.stage == leaving {
		s.cancel(r.WatchId)
		return outcome{}, nil
	}
	w.at.stage, w.at.since = live, time.Now()
	s.notice(w)
	return outcome{}, nil
}

// denied takes the refusal of a creation. It carries no watch ID.
func (s receiver) denied(w *feed, r *pb.WatchResponse) (outcome, error) {
	why, passing := s.refused(r)
	switch {
	case w.at.stage == leaving:
		return outcome{w, why}, nil
	case s.kind == unknown && foreign(r):
		s.kind = refuser // it may be the ID that the server refuses
		s.createFirst(w)
		return outcome{}, nil
	case w.at.outlives(r.CompactRevision, s.lossy):
		s.createFirst(w)
		return outcome{}, nil
	case w.at.widened && errors.Is(why, etcderr.ErrPermissionDenied):
		w.at.confined = true
		s.createFirst(w)
		return outcome{}, nil
	case passing && (r.CancelReason != "" || w.at.denials < denialsMax):
		w.at.denials++
		return outcome{}, why
	}
	if s.kind == refuser && len(s.known) == 0 {
		s.kind = unknown
	}
	return outcome{w, why}, nil
}

// refused is the error of a watch that the server refused or ended, and whether the reason may pass.
func (s receiver) refused(r *pb.WatchResponse) (err error, passing bool) {
	if rev := r.CompactRevision; rev != 0 {
		if s.lossy {
			rev++ // the deletions at the other one are lost
		}
		return &CompactedError{CompactRevision: rev}, false
	}
	err = refusal(r.CancelReason, s.endpoint)
	var e *etcderr.Error
	_, code := bare(r.CancelReason)
	return err, r.CancelReason == "" || away(code) || errors.As(err, &e) && e.SafeToRetry() || s.conn.Renewable(err)
}

// cancelled takes the end of a watch on the server. Either this side asked for it, or the server decided on it.
func (s receiver) cancelled(r *pb.WatchResponse) (outcome, error) {
	w := s.known[r.WatchId]
	if w == nil {
		return outcome{}, nil
	}
	delete(s.known, r.WatchId)
	if w.at.stage == leaving {
		return outcome{over: w}, nil
	}
	again := w.at.outlives(r.CompactRevision, s.lossy)
	if again {
		s.cancel(r.WatchId) // see below
	}
	if again || r.CompactRevision == 0 && r.CancelReason == "" { // as this side has asked
		switch w.at.stage {
		case live:
			if again {
				s.create(w)
				return outcome{}, nil
			}
		case parking:
			w.at.stage = parked
			return outcome{}, nil
		case reviving:
			return outcome{}, s.revive(w)
		case draining:
			return outcome{}, resume.ErrAgain
		case homing:
			w.at.stage = parked
			s.moves = append(s.moves, w)
			return outcome{}, nil
		}
	}
	why, passing := s.refused(r)
	if passing {
		return outcome{}, why
	}
	if r.CompactRevision != 0 {
		// The member still has the watch on the stream as one that catches up, so it answers no progress request.
		s.cancel(r.WatchId)
	}
	return outcome{w, why}, nil
}

// revive has a watch created again whose cancellation is confirmed.
func (s receiver) revive(w *feed) error {
	switch {
	case s.place.paced:
		return resume.ErrAgain
	case w.needsPace():
		w.at.stage = parked
		s.moves = append(s.moves, w)
	default:
		s.create(w)
	}
	return nil
}

// progressed takes the answer to a progress request: no event up to its revision is still to come. It holds for a watch
// that existed when the server answered. The watch did if the revision is above that of its creation, or if no progress
// request from before its creation is unanswered.
//
// The answer of an old server may overtake events. There, it goes only to a reader who asked, and each watch relies on its
// own progress notifications.
func (s receiver) progressed(r *pb.WatchResponse) {
	s.answered++
	rev, relies := r.Header.GetRevision(), s.relies()
	for w := range s.watches {
		at := &w.at
		if at.stage != live || at.partial != nil || rev <= at.createdAt && s.answered <= at.askedBefore {
			continue
		}
		if relies {
			at.reached(rev)
		}
		if at.wantsAnswer {
			at.wantsAnswer = !delivery{s.shared, w}.put(&pb.WatchResponse{Header: r.Header, WatchId: at.id})
		}
	}
}
