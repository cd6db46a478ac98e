// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"errors"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wait"
)

const (
	// newcomer is the lifetime assumed for a lease that this client has not renewed yet. Leases with less left go first.
	newcomer = 5 * time.Second
	// hesitation is how long a lease rests after a stream broke when this lease was the next to be answered. It doubles each
	// time.
	hesitation = 50 * time.Millisecond
)

// doubts are the pauses after which a lease is renewed again that has not been renewed here before, where the server says
// that it is gone. Until 2022 a leader did not wait for a grant that another member had answered already.
var doubts = [...]time.Duration{50 * time.Millisecond, 200 * time.Millisecond}

// roster is the leases that a renewer keeps alive, and when something is to be done about each. The guard's lock is held for
// every method but now.
type roster struct {
	*guard
	epoch time.Time // times are counted from here, on the monotonic clock

	leases map[int64]*held
	kept   int           // how many of them have been renewed
	alarms queue         // when a lease falls due, or expires
	ready  queue         // the leases that are due, the most urgent first
	sender *wait.Errand  // sends renewals that are ready; nil until there is a stream
	rush   chan struct{} // holds a signal that answers must be read at once
	clock  clock
	last   error // what went wrong since the last answer
}

func newRoster(g *guard) roster {
	return roster{
		guard: g, epoch: time.Now(), leases: map[int64]*held{}, ready: queue{which: 1},
		rush: make(chan struct{}, 1), clock: clock{at: never},
	}
}

func (r *roster) now() time.Duration { return time.Since(r.epoch) }

// add adds a Keeper, and its lease unless another Keeper keeps it already. The channel is closed with the next renewal.
func (r *roster) add(s *stake, id int64) (*held, <-chan struct{}) {
	l := r.leases[id]
	if l != nil && r.checkExpiry(l, r.now()) {
		l = nil
	}
	if l == nil {
		l = &held{id: id}
		l.validUntil.Store(int64(never))
		r.leases[id] = l
	}
	renewed := make(chan struct{})
	l.keepers = append(l.keepers, s)
	l.waiting = append(l.waiting, renewed)
	if l.stage == resting && l.denials == 0 {
		r.demand(l)
	}
	return l, renewed
}

// drop ends a Keeper, and its lease if no other Keeper keeps it.
func (r *roster) drop(s *stake, l *held, err error) {
	if !r.end(s, err) {
		return
	}
	for i, other := range l.keepers {
		if other == s {
			l.keepers = append(l.keepers[:i], l.keepers[i+1:]...)
			break
		}
	}
	if len(l.keepers) == 0 {
		r.finish(l, nil)
	}
}

// end ends a Keeper, and reports whether this call did it.
func (r *roster) end(s *stake, err error) bool {
	ended := s.end(err)
	if ended && s.unbind != nil {
		r.unbound = append(r.unbound, s.unbind)
	}
	return ended
}

// finish ends a lease and its Keepers.
func (r *roster) finish(l *held, err error) {
	if l.stage == gone {
		return
	}
	l.stage = gone
	delete(r.leases, l.id)
	r.alarms.remove(l)
	r.ready.remove(l)
	if l.renewed {
		r.kept--
	}
	for _, s := range l.keepers {
		r.end(s, err)
	}
	l.keepers, l.waiting = nil, nil
}

// checkExpiry ends a lease that the server may have let expire, and reports whether it did.
func (r *roster) checkExpiry(l *held, now time.Duration) bool {
	if !l.expired(now) {
		return false
	}
	r.finish(l, expired(r.last))
	return true
}

// demand makes a lease ready to be renewed.
func (r *roster) demand(l *held) {
	l.stage = ready
	urgency := l.until()
	if !l.renewed {
		urgency = r.now() + newcomer
		signal(r.rush)
	}
	r.ready.put(l, urgency)
	r.setAlarm(l)
	r.wake()
}

// wake has the renewals sent that can be sent.
func (r *roster) wake() {
	if r.sender != nil {
		r.sender.Run()
	}
}

// rest has a lease renewed at a later time.
func (r *roster) rest(l *held, due time.Duration) {
	l.stage, l.due = resting, due
	r.setAlarm(l)
}

// setAlarm sets when something is to be done about a lease next.
func (r *roster) setAlarm(l *held) {
	at := l.until()
	if l.stage == resting {
		at = min(at, l.due)
	}
	r.alarms.put(l, at)
	r.clock.before(at, r.now())
}

// tick makes the leases ready that are due, and ends those that may have expired. It sets the clock to the next alarm.
func (r *roster) tick(now time.Duration) {
	for {
		l, at := r.alarms.top()
		if at > now {
			r.clock.at = at
			return
		}
		if !r.checkExpiry(l, now) {
			r.demand(l)
		}
	}
}

// next takes the most urgent lease that is ready. It returns nil if none is.
func (r *roster) next(now time.Duration) *held {
	for {
		l, _ := r.ready.top()
		if l == nil {
			return nil
		}
		if r.checkExpiry(l, now) {
			continue
		}
		r.ready.remove(l)
		l.stage = sent
		return l
	}
}

// renewal takes the answer of an endpoint to a renewal that was sent at a time. late says that answers may come late, as from a
// proxy. Its answer may be to a renewal that the proxy sent before this one. The proxy sends it at the earliest a third of the TTL
// after the answer before, so the TTL counts from then.
func (r *roster) renewal(l *held, at time.Duration, answer *pb.LeaseKeepAliveResponse, endpoint string, late bool) {
	now := r.now()
	ttl := timeToLive(answer.TTL)
	switch {
	case r.checkExpiry(l, now): // somebody who looked at the clock a moment ago knows already
		return
	case ttl <= 0 && !l.renewed && int(l.denials) < len(doubts):
		l.denials++
		r.rest(l, now+doubts[l.denials-1])
		return
	case ttl <= 0:
		l.validUntil.Store(int64(now))
		r.finish(l, notFound(pb.Lease_LeaseKeepAlive_FullMethodName, endpoint))
		return
	}
	from := at
	if late && l.renewed {
		from = min(at, l.sent+ttl/3)
	}
	l.sent = at
	l.ttl.Store(int64(ttl))
	l.revision = answer.GetHeader().GetRevision()
	l.validUntil.Store(int64(from + min(ttl, never-from)))
	if l.expired(now) {
		r.finish(l, expired(errLate))
		return
	}
	if !l.renewed {
		l.renewed = true
		r.kept++
	}
	l.failures, l.denials = 0, 0
	for _, waiting := range l.waiting {
		close(waiting)
	}
	l.waiting = nil
	if late {
		r.rest(l, nextDue(now, ttl/4)) // before the proxy renews it next, a third of the TTL after this answer
	} else {
		r.rest(l, nextDue(at, ttl/3))
	}
}

// unanswered takes the renewals that a broken stream left without an answer, in their order. It returns why the stream broke;
// a reason that is about one lease only is replaced by another error, since the next stream need not meet it.
func (r *roster) unanswered(flights []flight, err error) error {
	now := r.now()
	first := !errors.Is(err, errMoving) // the lease to be answered next may be why the stream broke
	for _, f := range flights {
		l := f.lease
		switch {
		case first && refusesOne(err):
			r.finish(l, err) // it may have ended already
			err = errRefused
		case l.stage == gone:
		case first:
			// The server may be stuck with this very lease, so the others go first.
			r.rest(l, now+min(hesitation<<min(l.failures, 5), (l.until()-now)/4))
			l.failures++
		default:
			r.demand(l)
		}
		first = false
	}
	if r.kept > 0 && refusesOne(err) { // nothing was to be answered, and the server has renewed the leases before
		err = errRefused
	}
	return err
}

// finishAll ends all leases or, with unrenewed, those that have not been renewed yet.
func (r *roster) finishAll(err error, unrenewed bool) {
	for _, l := range r.leases {
		if !unrenewed || !l.renewed {
			r.finish(l, err)
		}
	}
}
