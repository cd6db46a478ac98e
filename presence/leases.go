// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/lease"
)

// leases grants the leases of a presence that has its own, and revokes them.
type leases struct {
	*asker
	to      ctx.Ctx // where requests go
	ttl     time.Duration
	granted int64     // a lease that is not kept alive yet
	loose   []loose   // leases that are to be revoked once there is time
	sweepAt time.Time // when the next one is, at the earliest
}

// take grants a lease and keeps it alive while staying lasts.
func (l *leases) take(staying context.Context) (*tenure, error) {
	if l.granted == 0 {
		id := 1 + rand.Int64N(math.MaxInt64)
		err := l.ask(staying, func(attempt context.Context) error {
			_, err := lease.Grant(attempt, l.to.WithLease(id), l.ttl)
			return err
		})
		if err != nil {
			if etcderr.OutcomeOf(err) == etcderr.Unknown {
				l.discard(loose{id: id, late: time.Now().Add(lateness)})
			}
			return nil, err
		}
		l.granted = id
	}
	var keeper *lease.Keeper
	err := l.ask(staying, func(context.Context) (err error) {
		keeper, err = lease.KeepAlive(staying, l.to.WithTimeout(l.limit), l.granted)
		return err
	})
	switch {
	case errors.Is(err, etcderr.ErrLeaseNotFound):
		l.granted = 0
		return nil, err
	case err != nil:
		return nil, err
	}
	t := &tenure{id: l.granted, keeper: keeper}
	l.granted = 0
	return t, nil
}

// loose is a lease that is left over.
type loose struct {
	id   int64
	late time.Time // until when a grant that got no answer may come
}

// gone reports whether the answer to a revocation means that nothing is left of the lease, and nothing will come: that servers do
// not have it yet says nothing about a grant that is still on its way.
func (l loose) gone(err error) bool {
	return err == nil || errors.Is(err, etcderr.ErrLeaseNotFound) && time.Until(l.late) <= 0
}

// looseMax is how many leases a presence remembers to revoke.
const looseMax = 16

// discard has a lease revoked once there is time.
func (l *leases) discard(left loose) {
	l.loose = append(l.loose, left)
	if len(l.loose) > looseMax {
		l.loose = slices.Delete(l.loose, 0, 1)
	}
}

// sweeping returns a channel that tells when the next lease is to be revoked. The turn to do so is over with leave.
func (l *leases) sweeping() (due <-chan struct{}, leave func()) {
	if len(l.loose) == 0 {
		return nil, func() {}
	}
	pacer := pacerOf(l.conn)
	turn := pacer.enter(starting, time.Until(l.sweepAt))
	return turn.begun, func() { pacer.leave(turn) }
}

// sweep revokes a lease that is left over. Where that fails, it comes again later.
func (l *leases) sweep(within context.Context) {
	left := l.loose[0]
	err := l.revoke(within, left.id)
	l.loose = l.loose[1:]
	if !left.gone(err) && !final(err) {
		l.discard(left)
		l.sweepAt = time.Now().Add(sweepPause)
	}
}

// sweepPause is the time until a lease that could not be revoked is tried again.
const sweepPause = 2 * time.Second

// revoke ends a lease, and deletes the key under it.
func (l *leases) revoke(within context.Context, id int64) error {
	return l.ask(within, func(attempt context.Context) error {
		_, err := lease.Revoke(attempt, l.to, id)
		return err
	})
}
