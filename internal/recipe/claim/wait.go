// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/lease"
)

// Waiting says what to wait for under a lease that the user keeps.
type Waiting struct {
	Request   ctx.Ctx // connection, endpoint, name, value, lease, and the timeout
	What      string  // to call it in reports: a lock, or an election
	Lost      error   // sentinel for the loss of the place
	Proclaims bool    // whether a key that is there already is to be given the value
}

// Turn takes a place and waits for its turn. It gives up with parent, at the timeout, and when the place is lost. A call that
// gives up deletes the key that it has put.
func (w Waiting) Turn(parent context.Context) (Held, error) {
	c := w.Request
	q, err := newQueue(c)
	if err != nil {
		return Held{}, err
	}
	h := hubOf(q.conn)
	leave := h.enlist(q, w.What)
	defer leave()
	waiting, stop := bounded(parent, c, 0)
	defer stop()
	id := sealed.Ctx(c).Lease()
	p := &place{queue: q, key: keyOf(sealed.Ctx(c).Name(), id), lease: id, value: sealed.Ctx(c).Value(), proclaims: w.Proclaims}
	s := enter(p)
	if err = s.begin(waiting, p); err == nil {
		err = take(waiting, p)
	}
	if err == nil {
		q.entry.holds(p.lease, p.rev)
	} else {
		q.entry.moves(report.Releasing)
	}
	s.leave(waiting, p, err == nil)
	if errors.Is(err, errKeyGone) || errors.Is(err, errKeyTaken) || errors.Is(err, errHistory) {
		return Held{}, w.lost(waiting, p, err)
	}
	if err != nil {
		return Held{}, err
	}
	held := q.entry.told()
	held.Returned = true
	leave()
	h.returned.add(p.key, held)
	return Held{Key: p.key, Rev: p.rev, Lease: p.lease, Header: p.header}, nil
}

// take joins the queue and waits for the turn, unless the place is lost before.
func take(waiting context.Context, p *place) error {
	if err := p.join(waiting); err != nil || len(p.ahead) == 0 {
		return err
	}
	g := guardPlace(waiting, p, nil)
	defer g.close()
	alive, stop := g.within(waiting, func(reason error) error { return reason })
	defer stop()
	err := p.await(alive)
	if reason := g.lost(); reason != nil {
		return reason
	}
	return err
}

// lost returns why a place is lost: the lease has ended, or the given reason. It asks for a limited time, as the place is lost
// anyhow.
func (w Waiting) lost(waiting context.Context, p *place, reason error) error {
	waiting, stop := context.WithTimeout(waiting, p.queue.conn.DefaultTimeout())
	defer stop()
	err := p.queue.repeat(waiting, func(attempt context.Context) error {
		_, err := lease.TimeToLive(attempt, p.queue.to, p.lease, false)
		return err
	})
	if errors.Is(err, etcderr.ErrLeaseNotFound) {
		return err
	}
	return fmt.Errorf("%w: %w", w.Lost, reason)
}
