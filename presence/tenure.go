// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/lease"
)

// tenure is the time under one lease. Its ID is chosen here, and is of one grant only: so it can be revoked whatever became of
// the answer, and nothing can be put under it after that.
type tenure struct {
	id     int64
	keeper *lease.Keeper
}

// over reports whether the lease has ended, or may have.
func (t *tenure) over() bool {
	select {
	case <-t.keeper.Done():
		return true
	default:
		return false
	}
}

func (t *tenure) reason() error {
	if err := t.keeper.Err(); err != nil {
		return err
	}
	return ErrSession // whose owner has given it up
}

// take gets a lease: one of its own, or that of the session.
func (p *Presence) take() error {
	if p.session != nil {
		return p.lodgeAnew()
	}
	if p.granted == 0 {
		id := 1 + rand.Int64N(math.MaxInt64)
		err := p.ask(p.staying, func(attempt context.Context) error {
			_, err := lease.Grant(attempt, p.to.WithLease(id), p.ttl)
			return err
		})
		if err != nil {
			if etcderr.OutcomeOf(err) == etcderr.Unknown {
				p.discard(id)
			}
			return err
		}
		p.granted = id
	}
	var keeper *lease.Keeper
	err := p.ask(p.staying, func(context.Context) (err error) {
		keeper, err = lease.KeepAlive(p.staying, p.to.WithTimeout(p.limit), p.granted)
		return err
	})
	switch {
	case errors.Is(err, etcderr.ErrLeaseNotFound):
		p.granted = 0
		return err
	case err != nil:
		return err
	}
	p.begin(&tenure{id: p.granted, keeper: keeper})
	p.granted = 0
	return nil
}

// begin notes that there is a lease, or with nil that there is none.
func (p *Presence) begin(t *tenure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tenure = t
	p.change()
}

// formerMax is how many former leases a presence remembers, to know its own key again.
const formerMax = 16

// drop gives up a lease that is lost, or cannot be relied on.
func (p *Presence) drop(reason error) {
	t := p.tenure
	if t == nil {
		p.lost(reason)
		return
	}
	p.lost(reason)
	p.former = append(p.former, t.id)
	if len(p.former) > formerMax {
		p.former = slices.Delete(p.former, 0, 1)
	}
	if p.session == nil {
		_ = t.keeper.Close()
		if !errors.Is(reason, etcderr.ErrLeaseNotFound) {
			p.discard(t.id) // the server may have it yet, and a put under it may be on its way
		}
	}
	p.begin(nil)
}

// discard has a lease revoked once there is time.
func (p *Presence) discard(id int64) {
	p.loose = append(p.loose, id)
	if len(p.loose) > formerMax {
		p.loose = slices.Delete(p.loose, 0, 1)
	}
}

// sweeping is a channel that tells when the next lease is to be revoked.
func (p *Presence) sweeping() (<-chan time.Time, func()) {
	if len(p.loose) == 0 || p.back.IsZero() {
		return nil, func() {}
	}
	if p.sweepAt.IsZero() {
		p.sweepAt = time.Now().Add(pacerOf(p.conn).reserve(1))
	}
	timer := time.NewTimer(time.Until(p.sweepAt))
	return timer.C, func() { timer.Stop() }
}

// sweep revokes a lease that is left over. Where that fails, it comes again later.
func (p *Presence) sweep() {
	id := p.loose[0]
	within, cancel := p.valid()
	defer cancel()
	err := p.revoke(within, id)
	p.loose, p.sweepAt = p.loose[1:], time.Time{}
	if err != nil && !final(err) {
		p.discard(id)
		p.sweepAt = time.Now().Add(sweepPause)
	}
}

// sweepPause is the time until a lease that could not be revoked is tried again.
const sweepPause = 2 * time.Second

// revoke ends a lease, and deletes the key under it.
func (p *Presence) revoke(within context.Context, id int64) error {
	return p.ask(within, func(attempt context.Context) error {
		_, err := lease.Revoke(attempt, p.to, id)
		if errors.Is(err, etcderr.ErrLeaseNotFound) {
			return nil
		}
		return err
	})
}
