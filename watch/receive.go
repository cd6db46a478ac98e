// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// everyWatch is the watch ID of a progress response that speaks for all watches of its stream.
const everyWatch = -1

// receive takes one response from the stream. An error breaks the stream, and the watches go on on the next one.
func (s *shared) receive(r *pb.WatchResponse) error {
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
		if w := s.known[r.WatchId]; w != nil && w.at.stage == live {
			r.WatchId = w.at.id
			s.changed(w, r)
		}
	}
	if over != nil && over.at.stage != leaving {
		s.staying--
	}
	if over != nil {
		over.at.stage = gone
		delete(s.watchers, over)
	}
	empty := s.staying == 0
	s.mu.Unlock()
	if over != nil && why != nil {
		over.fail(why, false)
	}
	if over != nil && empty {
		s.hub.retire(s)
	}
	return err
}

// confirmed takes the answer to the creation that was sent first of those not answered. A refusal carries no watch ID.
func (s *shared) confirmed(r *pb.WatchResponse) (over *Watcher, why, err error) {
	if len(s.creates) == 0 {
		return nil, nil, errProtocol
	}
	s.begun = true
	w := s.creates[0]
	s.creates[0] = nil
	s.creates = s.creates[1:]
	if r.Canceled {
		why, passing := s.refused(r)
		if passing && w.at.stage != leaving {
			return nil, nil, why
		}
		return w, why, nil
	}
	w.at.confirmed(r.WatchId, r.Header.GetRevision())
	s.known[r.WatchId] = w
	select {
	case <-w.created:
	default:
		w.early = w.request.StartRevision-r.Header.GetRevision() > lag
		close(w.created)
	}
	if w.at.stage == leaving {
		s.demand(demand{cancel: r.WatchId})
		return nil, nil, nil
	}
	w.at.stage = live
	return nil, nil, nil
}

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
		w.at.stage = parked
		if w.at.room {
			w.at.reset()
			s.want(w)
		}
		return nil, nil, nil
	}
	why, passing := s.refused(r)
	if passing {
		return nil, nil, why
	}
	if r.CompactRevision != 0 {
		// The member still has it on the stream, as one that is not in step, and so answers no progress request.
		s.demand(demand{cancel: r.WatchId})
	}
	return w, why, nil
}

// progressed takes the word that no event up to a revision is still to come, for every watch that it can be about: the
// server may have meant it before it knew of a watch that has been confirmed since. It knew if the revision is above that
// of the creation, or if there is no request left from before the creation that this could answer.
//
// Servers before 3.4.25 and 3.5.8 answer with the revision of their store, which may overtake events. They answer the
// probe, too. Their word is for a reader who asked only; the watches rely on what each of them is told on its own.
func (s *shared) progressed(r *pb.WatchResponse) {
	if !s.begun {
		s.hasty = true
		return
	}
	s.answered++
	rev := r.Header.GetRevision()
	for w := range s.watchers {
		at := &w.at
		if at.stage != live || at.partial != nil || rev <= at.createdAt && s.answered <= at.askedBefore {
			continue
		}
		if !s.hasty {
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
	if w.request.Fragment {
		s.changedInPart(w, r)
		return
	}
	if r = at.assemble(r); r == nil {
		if !w.buffer.fits(at.partialBytes) {
			s.park(w)
		}
		return
	}
	last := revisionOf(r)
	if at.fresh(r); len(r.Events) > 0 && !s.deliver(w, r) {
		return
	}
	at.taken(last)
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
	if w.buffer.push(r, bytes) {
		return true
	}
	s.park(w)
	return false
}

// park takes a live watch off the server until there is room in its buffer.
func (s *shared) park(w *Watcher) {
	w.at.stage, w.at.room = parking, false
	w.at.partial, w.at.partialBytes = nil, 0
	s.demand(demand{cancel: w.at.known})
}
