// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/lease"
)

// Holding says what to hold and how.
type Holding struct {
	Request ctx.Ctx // connection, endpoint, name, value, and the timeout of the wait
	What    string  // to call it in reports: a lock, or an election
	TTL     time.Duration
	Kind    Kind
	Lost    error // sentinel for the loss
	Try     bool  // only where nobody is in the queue
}

// While makes a claim with a lease of its own, runs f while it is held, and gives the claim up. held is cancelled when the lease
// may have ended, when the key is gone or no longer attached to the lease, and with parent. The claim is kept until f returns in
// any case. However f ends, also by a panic, the lease is revoked and the key is deleted.
//
// A place that is lost before its turn is taken again at the end of the queue, as when its lease ends in a long outage. While
// reports whether f has run. With Try, a queue that is taken is no error, and f has not run.
func (h Holding) While(parent context.Context, f func(held context.Context, h Held) error) (ran bool, err error) {
	q, err := newQueue(h.Request)
	if err != nil {
		return false, err
	}
	defer hubOf(q.conn).enlist(q, h.Kind.of(h.What))()
	waiting, stop := bounded(parent, h.Request, h.limit(parent, q))
	defer stop()
	var rest wait.Pause
	for {
		var lost *placeLost
		t, err := h.take(parent, waiting, q)
		switch {
		case errors.As(err, &lost) && waiting.Err() == nil && rest.Sleep(waiting):
		case lost != nil && waiting.Err() != nil:
			return false, ended(waiting, lost)
		case err != nil || t == nil:
			return false, err
		default:
			return true, hasRun(t.run(parent, f))
		}
	}
}

// limit returns the limit of the wait where the request has none; 0 is no limit. Try does not wait for others, so it has the limit
// of any other call.
func (h Holding) limit(parent context.Context, q *queue) time.Duration {
	if _, set := parent.Deadline(); set || !h.Try {
		return 0
	}
	return q.conn.DefaultTimeout()
}

// bounded returns parent with the timeout of the request, or else with limit unless that is 0.
func bounded(parent context.Context, c ctx.Ctx, limit time.Duration) (context.Context, context.CancelFunc) {
	if timeout, ok := sealed.Ctx(c).Timeout(); ok {
		limit = timeout
	}
	if limit == 0 {
		return context.WithCancel(parent)
	}
	return context.WithTimeout(parent, limit)
}

// placeLost is a place that was lost before its turn.
type placeLost struct{ reason error }

func (p *placeLost) Error() string {
	return fmt.Sprintf("the place in the queue was lost: %v", p.reason)
}
func (p *placeLost) Unwrap() error { return p.reason }

// lostPlace returns err as a placeLost if err says that the place is lost.
func lostPlace(err error) error {
	for _, loss := range []error{errKeyGone, errKeyTaken, errHistory, etcderr.ErrLeaseNotFound, lease.ErrExpired} {
		if errors.Is(err, loss) {
			return &placeLost{err}
		}
	}
	return err
}

// turn is a claim that is held.
type turn struct {
	lost  error // sentinel
	own   *own
	place *place
	guard *guard

	told  sync.Once
	error error // see loss
}

// take makes a claim and waits for its turn. If it fails, nothing is left. With Try it returns nil if the queue is taken.
func (h Holding) take(parent, waiting context.Context, q *queue) (*turn, error) {
	q.entry.moves(report.Joining)
	if h.Try {
		if taken, err := q.taken(waiting); taken || err != nil {
			return nil, err
		}
	}
	o := &own{queue: q}
	err := o.grant(waiting, h.TTL)
	if err == nil {
		var t *turn
		if t, err = h.wait(parent, waiting, o); t != nil {
			return t, nil
		}
	}
	o.release(waiting, tidyShort)
	return nil, err
}

// wait takes a place under a lease and waits for its turn.
func (h Holding) wait(parent, waiting context.Context, o *own) (*turn, error) {
	name := sealed.Ctx(h.Request).Name()
	p := &place{queue: o.queue, key: keyOf(name, o.id), lease: o.id, value: sealed.Ctx(h.Request).Value(), kind: h.Kind}
	o.place = p
	free := true
	err := together(waiting,
		func(waiting context.Context) error { return o.keep(parent, waiting) },
		func(waiting context.Context) (err error) {
			if h.Try {
				free, err = p.joinIfFree(waiting)
				return err
			}
			return p.join(waiting)
		})
	if err != nil || !free {
		return nil, lostPlace(err)
	}
	t := &turn{lost: h.Lost, own: o, place: p, guard: guardPlace(parent, p, o.keeper)}
	alive, stop := t.guard.within(waiting, t.loss)
	defer stop()
	err = p.await(alive)
	if reason := t.reason(); reason != nil {
		err = reason
	}
	if err != nil {
		t.guard.close()
		return nil, lostPlace(err)
	}
	return t, nil
}

// together runs both functions at the same time. The first error ends both, and is returned.
func together(waiting context.Context, one, other func(context.Context) error) error {
	both, cancel := context.WithCancelCause(waiting)
	defer cancel(nil)
	var mu sync.Mutex
	var first error
	do := func(f func(context.Context) error) {
		err := f(both)
		mu.Lock()
		defer mu.Unlock()
		if err != nil && first == nil {
			first = err
			cancel(err)
		}
	}
	var background sync.WaitGroup
	background.Go(func() { do(one) })
	do(other)
	background.Wait()
	return first
}

// loss returns the error of the loss. It is one value, with the first reason: f may return it, or the loss of a turn within f.
func (t *turn) loss(reason error) error {
	t.told.Do(func() { t.error = fmt.Errorf("%w: %w", t.lost, reason) })
	return t.error
}

// reason returns why the claim is lost, or nil while it is not. The clock may know it before any goroutine has run.
func (t *turn) reason() error {
	if err := t.own.keeper.Err(); err != nil {
		return err
	}
	return t.guard.lost()
}

// run runs f and gives the claim up.
func (t *turn) run(parent context.Context, f func(context.Context, Held) error) error {
	defer t.own.release(parent, tidyHeld)
	defer t.guard.close()
	term := &Term{keeper: t.own.keeper}
	defer term.end()
	t.own.queue.entry.holds(t.own.id, t.place.rev)
	held, stop := t.guard.within(parent, func(reason error) error {
		term.end() // before f can know of the loss
		return t.loss(reason)
	})
	defer stop()
	err := f(held, Held{Key: t.place.key, Rev: t.place.rev, Lease: t.own.id, Header: t.place.header, Term: term})
	reason := t.reason()
	if reason == nil {
		return err
	}
	lost := t.loss(reason)
	switch {
	case err == nil:
		return lost
	case errors.Is(err, lost):
		return err
	default:
		return fmt.Errorf("%w; %w", err, lost)
	}
}
