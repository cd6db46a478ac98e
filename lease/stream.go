// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// serve renews leases over one stream until it breaks.
func (r *renewer) serve(ctx context.Context, stream engine.Stream) error {
	if elsewhere, ok := r.elsewhere(stream.Endpoint()); ok {
		to := elsewhere.stream(r.hub.conn)
		to.Options = []grpc.CallOption{call.Within(hop)}
		if other, err := to.Open(ctx); err == nil {
			stream.Abort()
			stream = other
		}
	}
	r.start(stream)
	sending, stop := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	helpers.Go(func() { r.send(sending, stream) })
	helpers.Go(func() { r.seek(sending, stream) })
	err := r.receive(stream)
	stop()
	stream.Abort() // so that the sender does not wait for a member that takes nothing
	helpers.Wait()
	return r.stopped(err)
}

// hop is for how long another endpoint may keep the leases waiting that have a stream already.
const hop = 300 * time.Millisecond

// elsewhere is where to go with a stream that has come to that endpoint; ok is false where it may stay. That is to the
// leader where it was on its way there, and away from an endpoint whose silence ended the stream before: that may well be
// Active, as it is frozen only when it does not answer health checks either.
func (r *renewer) elsewhere(endpoint string) (at place, ok bool) {
	r.hub.lock()
	defer r.hub.unlock()
	if r.place.pinned {
		return place{}, false
	}
	if prefer := r.prefer; prefer != "" {
		r.prefer = ""
		return place{endpoint: prefer, pinned: true}, prefer != endpoint
	}
	if endpoint != r.avoid {
		return place{}, false
	}
	others := slices.DeleteFunc(r.hub.conn.Active(), func(active string) bool { return active == endpoint })
	if len(others) == 0 {
		return place{}, false
	}
	return place{endpoint: others[rand.IntN(len(others))], pinned: true}, true
}

// start puts a new stream into use.
func (r *renewer) start(stream engine.Stream) {
	r.hub.lock()
	defer r.hub.unlock()
	r.stream, r.down, r.moving = stream, nil, false
	now := r.now()
	if stream.Endpoint() == r.avoid && now-r.left > lookTimeout {
		r.avoid = "" // it may have been away
	}
	r.flights.start(now, r.late == stream.Endpoint())
	r.hub.conn.CountLeases(stream.Endpoint(), r.kept)
	signal(r.wake)
}

// send sends renewals as leases fall due.
func (r *renewer) send(ctx context.Context, stream engine.Stream) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for {
			id, any := r.next()
			if !any {
				break
			}
			if stream.SendMsg(&pb.LeaseKeepAliveRequest{ID: id}) != nil {
				return // receiving tells why
			}
		}
	}
}

// next takes the most urgent lease that is due, unless there are too many unanswered renewals already.
func (r *renewer) next() (id int64, any bool) {
	r.hub.lock()
	defer r.hub.unlock()
	now := r.now()
	for len(r.flights.queue) < window || r.flights.late {
		l, _ := r.ready.top()
		if l == nil {
			return 0, false
		}
		if l.expired(now) {
			r.finish(l, expired(r.last), true)
			continue
		}
		r.ready.remove(l)
		l.stage = sent
		r.flights.add(l, now)
		r.clock.before(r.flights.soonest())
		return l.id, true
	}
	if len(r.ready.items) > 0 {
		signal(r.rush)
	}
	return 0, false
}

// window is how many renewals may be unanswered on a stream. The server answers them one by one, and what has been sent
// cannot be overtaken by what is more urgent. A proxy looks after each lease by itself.
const window = 256

// receive takes answers until the stream ends.
func (r *renewer) receive(stream engine.Stream) error {
	answer := new(pb.LeaseKeepAliveResponse)
	rest := time.NewTimer(collecting)
	defer rest.Stop()
	for {
		asked := time.Now()
		if err := stream.RecvMsg(answer); err != nil {
			return err
		}
		waited := time.Since(asked)
		if !r.answered(answer) || waited < prompt {
			continue
		}
		rest.Reset(collecting)
		select {
		case <-rest.C:
		case <-r.rush:
		}
	}
}

// A follower answers one renewal after the other, each after a word with the leader, and each answer that is waited for
// wakes a goroutine, which costs more than to take it. So where an answer took longer than prompt, those that follow are
// left to collect for a moment. On a machine with little CPU each answer takes that long, so this must cost nothing: it
// ends when a lease is due that cannot be sent, or that a caller waits for.
const (
	prompt     = 100 * time.Microsecond
	collecting = 10 * time.Millisecond
)

// answered takes an answer, and reports whether others may be left to collect.
func (r *renewer) answered(answer *pb.LeaseKeepAliveResponse) (collect bool) {
	r.hub.lock()
	defer r.hub.unlock()
	now := r.now()
	f, ok := r.flights.take(answer.ID, now)
	if !ok {
		return false
	}
	// An endpoint that was left for its silence, and is there all the same, answers late.
	if r.flights.late = r.flights.late || r.avoid == r.stream.Endpoint(); r.flights.late {
		r.late = r.stream.Endpoint()
	}
	r.last, r.avoid = nil, ""
	if f.lease.stage != gone {
		r.renewal(f.lease, f.at, answer)
	}
	if len(r.flights.queue) == window/2 && len(r.ready.items) > 0 {
		signal(r.wake)
	}
	idle := r.kept == len(r.leases) && len(r.ready.items) == 0
	return idle && r.flights.patient(now)
}

// fellSilent notes that the member answers nothing.
func (r *renewer) fellSilent(now time.Duration) {
	r.avoid, r.left = r.stream.Endpoint(), now
	f := &r.flights
	f.silent = &silence{endpoint: r.avoid, lasted: now - f.quietSince()}
	f.silences++
	r.last = f.silent
}

// stopped takes the stream out of use and has renewed again what it left unanswered. It returns why it broke, which is
// the same for another stream only if it is no fault of one lease.
func (r *renewer) stopped(err error) error {
	r.hub.lock()
	defer r.hub.unlock()
	r.hub.conn.CountLeases(r.stream.Endpoint(), -r.kept)
	r.stream = nil
	if r.flights.silent != nil {
		err = r.flights.silent
	} else if r.moving {
		err = errMoving
	} else if errors.Is(err, io.EOF) {
		err = errEnded
	}
	now := r.now()
	next := err != errMoving // that one is answered next, and so may be why it broke
	for _, f := range r.flights.queue {
		l := f.lease
		switch {
		case l.stage == gone:
		case next && refusesOne(err):
			r.finish(l, err, true)
			err = errRefused
		case next:
			// The server may be stuck with this very lease. The others go first.
			left := time.Duration(l.validUntil.Load()) - now
			l.stage, l.due = resting, now+min(hesitation<<min(l.failures, 5), left/4)
			l.failures++
			r.setAlarm(l)
		default:
			r.demand(l)
		}
		next = false
	}
	r.flights.start(now, false)
	return err
}

// hesitation is how long a lease waits after the stream broke on which it was the next to be answered. It doubles each
// time.
const hesitation = 50 * time.Millisecond

// broken is told why there is no stream. Leases wait for the next one, but for those that their callers are waiting for
// where there is nobody to ask.
func (r *renewer) broken(err error) {
	r.hub.lock()
	defer r.hub.unlock()
	r.last = err
	if !resume.Outage(err) {
		return
	}
	r.down = err
	for _, l := range r.leases {
		if !l.renewed {
			r.finish(l, err, true)
		}
	}
}
