// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// place says on which endpoint a lease is to be renewed.
type place struct {
	endpoint string
	pinned   bool // to that endpoint
}

func (p place) stream(c *engine.Conn) resume.Stream {
	to := wire.Route{Conn: c}
	to.Endpoint, to.Pinned = p.endpoint, p.pinned
	return resume.Stream{Route: to, Desc: &pb.Lease_ServiceDesc.Streams[0], Method: pb.Lease_LeaseKeepAlive_FullMethodName}
}

// window is how many renewals may be unanswered on a stream. The server answers them one by one, and an urgent renewal cannot
// overtake those that were sent before. A proxy treats each lease on its own, so there is no limit.
const window = 256

// renewer keeps the leases of one place alive, over one stream and its successors. It begins with its first lease and ends with
// its last.
type renewer struct {
	roster
	line
	conn   *engine.Conn
	place  place
	life   context.Context // ends with the last lease, or with the connection
	end    context.CancelCauseFunc
	retire func() // removes the renewer from its hub; called with the lock held
	told   int    // how many leases the connection was told to be kept on the stream
}

func newRenewer(g *guard, c *engine.Conn, at place, retire func()) *renewer {
	r := &renewer{roster: newRoster(g), conn: c, place: at, retire: retire}
	r.life, r.end = context.WithCancelCause(context.Background())
	return r
}

// unlock releases the lock. Before, it ends the renewer if no lease is left, and tells the connection how many leases are kept.
func (r *renewer) unlock() {
	if r.stream != nil && r.told != r.kept {
		r.conn.CountLeases(r.stream.Endpoint(), r.kept-r.told)
		r.told = r.kept
	}
	if len(r.leases) == 0 {
		r.retire()
		r.end(nil)
	}
	r.guard.unlock()
}

// bind stores how to release the parent context of a Keeper.
func (r *renewer) bind(s *stake, unbind func() bool) {
	r.lock()
	defer r.unlock()
	s.unbind = unbind
	if s.ended {
		r.unbound = append(r.unbound, unbind)
	}
}

// leave ends a Keeper from this side.
func (r *renewer) leave(s *stake, l *held, err error) {
	r.lock()
	defer r.unlock()
	r.drop(s, l, err)
}

// wind gives the clock its timer, or with nil takes it away. The timer fires when the next lease falls due.
func (r *renewer) wind(timer *time.Timer) {
	r.lock()
	defer r.unlock()
	if r.clock.timer != nil {
		r.clock.timer.Stop()
	}
	r.clock.timer = timer
	r.clock.set(r.clock.at, r.now())
}

// lapse ends a lease if the clock says that it may have expired.
func (r *renewer) lapse(l *held) {
	r.lock()
	defer r.unlock()
	if l.stage != gone {
		r.checkExpiry(l, r.now())
	}
}

// served reports whether the server has renewed a lease that is kept still.
func (r *renewer) served() bool {
	r.lock()
	defer r.unlock()
	return r.kept > 0
}

// met is what went wrong since the last answer.
func (r *renewer) met() error {
	r.lock()
	defer r.unlock()
	return r.last
}

// giveUp ends all leases because no stream can be opened any more.
func (r *renewer) giveUp(err error) {
	r.lock()
	defer r.unlock()
	r.finishAll(err, false)
}

// broken takes the reason why there is no stream. The leases wait for the next one. During an outage the leases end that have not
// been renewed yet, because their callers wait for an answer.
func (r *renewer) broken(err error) {
	r.lock()
	defer r.unlock()
	r.last = err
	if resume.Outage(err) {
		r.down = err
		r.finishAll(err, true)
	}
}

// use puts a new stream into use, with what sends the renewals.
func (r *renewer) use(stream engine.Stream, sender *wait.Errand) {
	r.lock()
	defer r.unlock()
	r.start(stream, r.now())
	r.sender = sender
	r.wake()
}

// stopped takes a stream out of use that has broken. What it left unanswered is renewed again. It returns why it broke.
func (r *renewer) stopped(err error) error {
	r.lock()
	defer r.unlock()
	r.conn.CountLeases(r.stream.Endpoint(), -r.told)
	r.stream, r.told = nil, 0
	if r.leaving != nil {
		err = r.leaving
	}
	err = r.unanswered(r.flights.queue, err)
	r.flights.start(r.now(), false)
	return err
}

// tick does what is due by now, and sets the clock. It returns for how long nothing else is due, and the stream whose member has
// fallen silent.
func (r *renewer) tick() (next time.Duration, silent engine.Stream) {
	r.lock()
	defer r.unlock()
	now := r.now()
	late := max(now-r.clock.at, 0)
	r.roster.tick(now)
	if r.open() {
		if r.flights.overdue(now, late) {
			r.fellSilent(now)
			r.last = r.leaving
			silent = r.stream
		} else {
			r.clock.at = min(r.clock.at, r.flights.limit())
		}
	}
	r.clock.set(r.clock.at, now)
	return r.clock.at - now, silent
}

// next returns the lease whose renewal is to be sent next. any is false where none is ready, or too many are unanswered.
func (r *renewer) next() (id int64, any bool) {
	r.lock()
	defer r.unlock()
	if len(r.flights.queue) >= window && !r.flights.late {
		if len(r.ready.items) > 0 {
			signal(r.rush)
		}
		return 0, false
	}
	now := r.now()
	l := r.roster.next(now)
	if l == nil {
		return 0, false
	}
	r.flights.add(l, now)
	r.clock.before(r.flights.soonest(), now)
	return l.id, true
}

// answered takes an answer, and reports whether the next answers may be left to collect.
func (r *renewer) answered(answer *pb.LeaseKeepAliveResponse) (collect bool) {
	r.lock()
	defer r.unlock()
	now := r.now()
	f, ok := r.line.answered(answer.ID, now)
	if !ok {
		return false
	}
	r.last = nil
	if f.lease.stage != gone {
		r.renewal(f.lease, f.at, answer, r.stream.Endpoint(), r.flights.late)
	}
	if len(r.flights.queue) == window/2 && len(r.ready.items) > 0 {
		r.wake()
	}
	idle := r.kept == len(r.leases) && len(r.ready.items) == 0
	return idle && r.flights.patient(now)
}

// after returns the last renewal of a lease. Where that is the one that was told, it also returns a channel that the next
// renewal closes.
func (r *renewer) after(l *held, told Renewal) (last Renewal, next <-chan struct{}) {
	r.lock()
	defer r.unlock()
	until := r.epoch.Add(l.until())
	last = Renewal{Sent: until.Add(-time.Duration(l.ttl.Load())), Until: until, Revision: l.revision}
	if last != told {
		return last, nil
	}
	renewed := make(chan struct{})
	l.waiting = append(l.waiting, renewed)
	return last, renewed
}

// report tells about the leases of the renewer. The lock is held.
func (r *renewer) report() []report.Lease {
	endpoint := ""
	if r.stream != nil {
		endpoint = r.stream.Endpoint()
	}
	all := make([]report.Lease, 0, len(r.leases))
	for _, l := range r.leases {
		at := report.Lease{ID: l.id, Endpoint: endpoint, Keepers: len(l.keepers), Err: r.last}
		if l.renewed {
			at.TTL = time.Duration(l.ttl.Load())
			at.Sent, at.ValidUntil = r.epoch.Add(l.sent), r.epoch.Add(l.until())
		}
		all = append(all, at)
	}
	return all
}
