// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// renewer keeps the leases of one place alive, over one stream and its successors. It begins with the first lease and
// ends with the last. Two goroutines belong to it, one that tends the clock and one that receives, and to its stream two
// more, one that sends and one that looks for the leader. The hub's lock guards what changes.
type renewer struct {
	hub   *hub
	place place
	epoch time.Time       // times are counted from here, on the monotonic clock
	life  context.Context // ends with the last lease, or with the connection
	end   context.CancelCauseFunc

	leases map[int64]*held
	kept   int           // leases that have been renewed
	alarms queue         // when something is to be done about a lease: it falls due, or expires
	ready  queue         // leases that are due, by urgency
	wake   chan struct{} // holds a signal that a lease can be sent
	rush   chan struct{} // holds a signal that answers must be taken now
	clock  clock

	stream  engine.Stream // nil between two streams
	flights flights
	last    error         // what went wrong since the last answer
	down    error         // why there is no stream, where that is because no endpoint is Active
	avoid   string        // endpoint that fell silent, to be left alone until another has answered
	left    time.Duration // when that was
	late    string        // endpoint that is known to answer late, as a proxy does
	prefer  string        // endpoint to go to with the next stream; "" for any
	moving  bool          // the stream is ended to go there
}

// held is a lease that is kept alive.
type held struct {
	id         int64
	renewer    *renewer
	ttl        atomic.Int64 // of the last renewal
	validUntil atomic.Int64 // never until the first renewal
	revision   int64        // of the store, at the last renewal

	keepers   []*Keeper
	waiting   []chan struct{} // closed with the next renewal
	stage     stage
	failures  uint8 // streams that ended while this lease was the next to be answered, since its last renewal
	denials   uint8 // answers that it is gone, as long as it has not been renewed
	renewed   bool
	due       time.Duration // when it is to be renewed next, while resting
	positions [2]position   // in the renewer's queues
}

type stage uint8

const (
	resting stage = iota // until it is due
	ready                // to be sent
	sent                 // and not answered
	gone
)

func newRenewer(h *hub, at place) *renewer {
	r := &renewer{
		hub: h, place: at, epoch: time.Now(), leases: map[int64]*held{}, ready: queue{which: 1},
		wake: make(chan struct{}, 1), rush: make(chan struct{}, 1), clock: newClock(),
	}
	r.life, r.end = context.WithCancelCause(context.Background())
	return r
}

func (r *renewer) now() time.Duration { return time.Since(r.epoch) }

// run keeps the leases alive until none is left.
func (r *renewer) run(life context.Context) {
	defer context.AfterFunc(life, func() { r.end(context.Cause(life)) })()
	var clock sync.WaitGroup
	clock.Go(r.tend)
	err := r.place.stream(r.hub.conn).Run(r.life, r.serve, r.broken)
	if errors.Is(err, connerr.ErrClosed) {
		err = fmt.Errorf("%w: %q", connerr.ErrClosed, r.hub.conn.Name())
	}
	r.giveUp(err)
	clock.Wait()
}

// join adds a Keeper, and its lease unless another Keeper keeps it already.
func (r *renewer) join(k *Keeper, id int64) <-chan struct{} {
	l := r.leases[id]
	if l != nil && l.expired(r.now()) {
		r.finish(l, expired(r.last), false)
		l = nil
	}
	if l == nil {
		l = &held{id: id, renewer: r}
		l.validUntil.Store(int64(never))
		r.leases[id] = l
	}
	renewed := make(chan struct{})
	k.lease = l
	l.keepers = append(l.keepers, k)
	l.waiting = append(l.waiting, renewed)
	if l.stage == resting && l.denials == 0 {
		r.demand(l)
	}
	return renewed
}

// leave removes a Keeper that has ended, and its lease if it was the last to keep it.
func (r *renewer) leave(k *Keeper) {
	l := k.lease
	for i, other := range l.keepers {
		if other == k {
			l.keepers = append(l.keepers[:i], l.keepers[i+1:]...)
			break
		}
	}
	if len(l.keepers) == 0 && l.stage != gone {
		r.finish(l, nil, true)
	}
}

// lapse ends a lease if the clock says that it may have expired.
func (r *renewer) lapse(l *held) {
	r.hub.lock()
	defer r.hub.unlock()
	if l.stage != gone && l.expired(r.now()) {
		r.finish(l, expired(r.last), true)
	}
}

// met is what went wrong since the last answer.
func (r *renewer) met() error {
	r.hub.lock()
	defer r.hub.unlock()
	return r.last
}

// giveUp ends all leases, for a reason that no other stream would remove.
func (r *renewer) giveUp(err error) {
	r.hub.lock()
	defer r.hub.unlock()
	for _, l := range r.leases {
		r.finish(l, err, true)
	}
	r.retire()
}

// finish removes a lease and ends its Keepers. The last one takes the renewer with it if retire is set.
func (r *renewer) finish(l *held, err error, retire bool) {
	l.stage = gone
	delete(r.leases, l.id)
	r.alarms.remove(l)
	r.ready.remove(l)
	if l.renewed {
		r.count(-1)
	}
	for _, k := range l.keepers {
		k.finish(err)
	}
	l.keepers, l.waiting = nil, nil
	if retire && len(r.leases) == 0 {
		r.retire()
	}
}

// retire ends the renewer; the next lease gets a new one.
func (r *renewer) retire() {
	if r.hub.renewers[r.place] == r {
		delete(r.hub.renewers, r.place)
	}
	r.end(nil)
}

// count adds to the number of leases that are kept alive, here and in what the connection tells of its endpoint.
func (r *renewer) count(n int) {
	r.kept += n
	if r.stream != nil {
		r.hub.conn.CountLeases(r.stream.Endpoint(), n)
	}
}

// demand has a lease renewed now.
func (r *renewer) demand(l *held) {
	l.stage = ready
	urgency := time.Duration(l.validUntil.Load())
	if !l.renewed {
		urgency = r.now() + newcomer
		signal(r.rush)
	}
	r.ready.put(l, urgency)
	r.setAlarm(l)
	signal(r.wake)
}

// newcomer is how much time a lease that has not been renewed here is taken to have left: others that have less go first.
const newcomer = 5 * time.Second

// renewal takes an answer of the server for a lease to which a renewal was sent at that time.
func (r *renewer) renewal(l *held, at time.Duration, answer *pb.LeaseKeepAliveResponse) {
	now := r.now()
	ttl := timeToLive(answer.TTL)
	switch {
	case l.expired(now):
		r.finish(l, expired(r.last), true) // whoever looked at the clock a moment ago knows already
		return
	case ttl <= 0 && !l.renewed && int(l.denials) < len(doubts):
		l.stage, l.due = resting, now+doubts[l.denials]
		l.denials++
		r.setAlarm(l)
		return
	case ttl <= 0:
		l.validUntil.Store(int64(now))
		r.finish(l, notFound(pb.Lease_LeaseKeepAlive_FullMethodName, r.stream.Endpoint()), true)
		return
	}
	l.ttl.Store(int64(ttl))
	l.revision = answer.GetHeader().GetRevision()
	l.validUntil.Store(int64(at + min(ttl, never-at)))
	if l.expired(now) {
		r.finish(l, expired(errLate), true)
		return
	}
	if !l.renewed {
		l.renewed = true
		r.count(1)
	}
	l.failures, l.denials = 0, 0
	for _, waiting := range l.waiting {
		close(waiting)
	}
	l.waiting = nil
	l.stage, l.due = resting, nextDue(at, ttl/3)
	if r.flights.late {
		l.due = nextDue(now, ttl/4) // in time for the next renewal of the proxy, a third of the TTL after this one
	}
	r.setAlarm(l)
}

// doubts are the pauses after which a lease that has not been renewed before is asked for again when the server says that
// it is gone: until 2022 a leader did not wait for the grant that another member had answered already.
var doubts = [...]time.Duration{50 * time.Millisecond, 200 * time.Millisecond}

// expired reports whether the server may have let the lease expire.
func (l *held) expired(now time.Duration) bool { return time.Duration(l.validUntil.Load()) <= now }

// timeToLive is the TTL of a renewal as a duration. Those of more than a century are as good as one.
func timeToLive(seconds int64) time.Duration {
	const century = 100 * 365 * 24 * 60 * 60
	return time.Duration(min(seconds, century)) * time.Second
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
