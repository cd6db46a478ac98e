// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// everyWatch is the watch ID of a progress response that speaks for all watches of its stream.
const everyWatch = -1

// receive takes one response from the stream. An error breaks the stream, and the watches go on on the next one.
func (s *shared) receive(r *pb.WatchResponse) error {
	// A proxy that makes the answer to a creation itself puts the revision into it that it was asked for, and no more.
	if (!r.Created || r.Header.GetMemberId() != 0) && !s.hub.past.note(r.Header, r.Events) {
		return errOtherCluster
	}
	s.mu.Lock()
	var over *Watcher // ended by this response
	var why, err error
	switch {
	case r.Created:
		over, why, err = s.confirmed(r)
	case r.Canceled:
		over, why, err = s.cancelled(r)
	case r.WatchId == everyWatch:
		s.progressed(r)
	default:
		if w := s.known[r.WatchId]; w != nil && (w.at.stage == live || w.at.stage == draining) {
			r.WatchId = w.at.id
			s.changed(w, r)
		}
	}
	if over != nil && over.at.stage != leaving {
		s.staying--
	}
	if over != nil {
		over.at.stage = gone
		s.notice(over)
		delete(s.watchers, over)
	}
	empty := s.staying == 0
	moves := s.moves
	s.moves = nil
	s.mu.Unlock()
	for _, w := range moves {
		s.hub.move(w, !s.place.paced)
	}
	if over != nil && why != nil {
		over.fail(why, false)
	}
	if over != nil && empty {
		s.hub.retire(s)
	}
	return err
}

// confirmed takes the answer to the creation that was sent first of those not answered.
func (s *shared) confirmed(r *pb.WatchResponse) (over *Watcher, why, err error) {
	if len(s.creates) == 0 {
		return nil, nil, errProtocol
	}
	w := s.creates[0].of
	s.creates[0] = creation{}
	s.creates = s.creates[1:]
	w.at.tardy = false
	s.signal() // the next one may be sent
	if r.Canceled {
		return s.denied(w, r)
	}
	asked := w.at.known
	if s.known[r.WatchId] != nil || s.kind == member && r.WatchId != asked {
		return nil, nil, errProtocol
	}
	if s.kind == unknown && r.WatchId == asked {
		s.kind = member
		s.hub.mute.Store(false)
	}
	if s.kind == unknown {
		s.kind = chooser
		s.hub.mute.Store(true)
		s.cancel(r.WatchId)
		if w.at.stage == leaving {
			return w, nil, nil
		}
		s.wantNext(w) // in the way that suits such a server
		return nil, nil, nil
	}
	w.at.confirmed(r.WatchId, r.Header.GetRevision())
	s.known[r.WatchId] = w
	if !w.at.begun {
		w.at.begun, w.at.epoch = true, s.hub.past.current()
		if w.request.StartRevision == 0 {
			w.delivered(r.Header.GetRevision())
		}
	}
	select {
	case <-w.created:
	default:
		w.early = w.request.StartRevision-r.Header.GetRevision() > lag
		close(w.created)
	}
	if w.at.stage == leaving {
		s.cancel(r.WatchId)
		return nil, nil, nil
	}
	w.at.stage, w.at.since = live, time.Now()
	s.notice(w)
	return nil, nil, nil
}

// denied takes the refusal of a creation. It carries no watch ID.
func (s *shared) denied(w *Watcher, r *pb.WatchResponse) (over *Watcher, why, err error) {
	why, passing := s.refused(r)
	switch {
	case w.at.stage == leaving:
		return w, why, nil
	case s.kind == unknown && foreign(r):
		s.kind = refuser // perhaps it is the ID that it does not like
		s.wantNext(w)
		return nil, nil, nil
	case w.at.widened && errors.Is(why, etcderr.ErrPermissionDenied):
		w.at.confined = true
		s.wantNext(w)
		return nil, nil, nil
	case passing && (r.CancelReason != "" || w.at.denials < denialsMax):
		w.at.denials++
		return nil, nil, why
	}
	if s.kind == refuser && len(s.known) == 0 {
		s.kind = unknown
	}
	return w, why, nil
}

// denialsMax is how often a creation is repeated that a server refuses without a reason.
const denialsMax = 3

// refused is the error of a watch to which the server said why, and whether another try may help.
func (s *shared) refused(r *pb.WatchResponse) (err error, passing bool) {
	if r.CompactRevision != 0 {
		return &CompactedError{CompactRevision: r.CompactRevision}, false
	}
	err = refusal(r.CancelReason, s.endpoint)
	var e *etcderr.Error
	return err, r.CancelReason == "" || errors.As(err, &e) && e.SafeToRetry() || s.hub.conn.Renewable(err)
}

// cancelled takes the end of a watch: the one asked for, or one that the server decided on.
func (s *shared) cancelled(r *pb.WatchResponse) (over *Watcher, why, err error) {
	w := s.known[r.WatchId]
	if w == nil {
		return nil, nil, nil
	}
	delete(s.known, r.WatchId)
	asked := r.CompactRevision == 0 && r.CancelReason == ""
	switch w.at.stage {
	case leaving:
		return w, nil, nil
	case parking:
		if !asked {
			break
		}
		if s.place.paced {
			return nil, nil, resume.ErrAgain
		}
		w.at.stage = parked
		switch {
		case !w.at.room:
		case w.needsPace() && !s.place.paced:
			s.moves = append(s.moves, w)
		default:
			w.at.reset()
			s.want(w)
		}
		return nil, nil, nil
	case draining:
		if !asked {
			break
		}
		return nil, nil, s.drained(w)
	}
	why, passing := s.refused(r)
	if passing {
		return nil, nil, why
	}
	if r.CompactRevision != 0 {
		// The member still has it on the stream, as one that is not in step, and so answers no progress request.
		s.cancel(r.WatchId)
	}
	return w, why, nil
}

// progressed takes the word that no event up to a revision is still to come, for every watch that it can be about: the
// server may have meant it before it knew of a watch that has been confirmed since. It knew if the revision is above that
// of the creation, or if there is no request left from before the creation that this could answer.
//
// The word of an old server may overtake events. It is for a reader who asked only; the watches rely on what each of them
// is told on its own.
func (s *shared) progressed(r *pb.WatchResponse) {
	s.answered++
	rev, relies := r.Header.GetRevision(), s.relies()
	for w := range s.watchers {
		at := &w.at
		if at.stage != live || at.partial != nil || rev <= at.createdAt && s.answered <= at.askedBefore {
			continue
		}
		if relies {
			at.reached(rev)
		}
		if at.wantsAnswer {
			at.wantsAnswer = !s.deliver(w, &pb.WatchResponse{Header: r.Header, WatchId: at.id})
		}
	}
}

// changed takes events of a live watch, or its own progress.
func (s *shared) changed(w *Watcher, r *pb.WatchResponse) {
	at := &w.at
	if len(r.Events) == 0 {
		if !w.request.ProgressNotify || s.deliver(w, r) {
			at.reached(r.Header.GetRevision())
		}
		return
	}
	if s.stripped(w, r.Events) {
		return
	}
	if s.kind != member {
		s.changedElsewhere(w, r)
		return
	}
	if w.request.Fragment {
		s.changedInPart(w, r)
		return
	}
	if r = at.assemble(r); r == nil {
		if !s.place.paced && !w.buffer.fits(at.partialBytes) {
			s.park(w)
		}
		return
	}
	last := revisionOf(r)
	if at.fresh(r); len(r.Events) > 0 && !s.deliver(w, r) {
		return
	}
	at.taken(last)
	if r.Header.GetRevision() == last {
		at.parks = 0 // it is in step
	}
}

// changedInPart hands a fragment on as it is.
func (s *shared) changedInPart(w *Watcher, r *pb.WatchResponse) {
	at := &w.at
	last := revisionOf(r)
	if at.fresh(r); len(r.Events) > 0 && !s.deliver(w, r) {
		return
	}
	if r.Fragment {
		at.ahead += len(r.Events)
		return
	}
	at.taken(last)
}

// deliver puts a response into the watch's buffer. If that is full, the watch is taken off the server until it is not.
func (s *shared) deliver(w *Watcher, r *pb.WatchResponse) bool {
	bytes := sizeOf(r)
	if len(r.Events) > 0 {
		w.at.weigh(r, bytes)
	}
	if s.place.paced {
		if w.buffer.add(r, bytes) {
			s.filled = true
			if w.at.stage == live {
				s.drain(w)
			}
		}
		return true
	}
	if w.buffer.push(r, bytes) {
		if w.at.large && w.at.stage == live && w.buffer.starve() {
			s.park(w) // before the next part of the history is sent
		}
		return true
	}
	s.park(w)
	return false
}

// park takes a live watch off the server until there is room in its buffer.
func (s *shared) park(w *Watcher) {
	w.at.stage, w.at.room, w.at.since = parking, false, time.Now()
	w.at.parks++
	w.at.partial, w.at.partialBytes = nil, 0
	s.notice(w)
	s.cancel(w.at.known)
}
