// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/lease"
)

// own is a lease for one claim. Its ID is chosen here. So it can be revoked without the answer to its grant, and a grant
// without an answer can be sent again.
type own struct {
	queue  *queue
	id     int64
	keeper *lease.Keeper // nil before it is kept
	place  *place        // what it is for; nil before that is known

	// granted counts the grants that a server has carried out, or may carry out yet, less the revocations. The last grant that
	// was not answered was given up at givenUp.
	granted int
	givenUp time.Time
}

// lateness is for how long a request that was not answered may still arrive. It may wait in a member that is paused, or behind a
// partition.
const lateness = time.Minute

// grant grants a lease. The lease must be revoked even if grant fails.
func (o *own) grant(waiting context.Context, ttl time.Duration) error {
	for {
		o.id = 1 + rand.Int64N(math.MaxInt64)
		err := o.queue.repeat(waiting, func(attempt context.Context) error {
			_, err := lease.Grant(attempt, o.queue.to.WithLease(o.id), ttl)
			switch {
			case err == nil:
				o.granted++
			case errors.Is(err, etcderr.ErrLeaseExist) && o.granted > 0:
				return nil // an attempt before this one
			case etcderr.OutcomeOf(err) == etcderr.Unknown:
				o.granted++
				o.givenUp = time.Now()
			}
			return err
		})
		if !errors.Is(err, etcderr.ErrLeaseExist) {
			return err
		}
	}
}

// keep keeps the lease alive until the keeper is closed.
func (o *own) keep(parent, waiting context.Context) error {
	return o.queue.repeat(waiting, func(context.Context) error {
		life, end := context.WithCancelCause(context.WithoutCancel(parent))
		stop := context.AfterFunc(waiting, func() { end(context.Cause(waiting)) })
		keeper, err := lease.KeepAlive(life, o.queue.to, o.id)
		if !stop() && err == nil {
			_ = keeper.Close()
			err = tell.Ended(waiting)
		}
		if err == nil {
			o.keeper = keeper
		}
		return err
	})
}

// release ends the lease and deletes the key. It returns when that is done, or after a while. Then the connection continues.
func (o *own) release(parent context.Context, late time.Duration) {
	o.queue.entry.moves(report.Releasing)
	if o.keeper != nil {
		_ = o.keeper.Close()
	}
	if o.granted == 0 {
		return
	}
	tidy(parent, o.queue.conn, late, o.undo)
}

// undo revokes the lease, which deletes its key, unless another client has overwritten the key without the lease. The key would
// then stay in the queue, and nobody behind it would ever get a turn. So undo deletes the key by itself at the same time.
func (o *own) undo(life context.Context, done func()) {
	var removal sync.WaitGroup
	if o.place != nil && o.place.rev != 0 {
		p := &place{queue: o.queue.anywhere(), key: o.place.key}
		removal.Go(func() { _ = p.remove(life, o.place.rev) })
	}
	o.revoke(life, func() { removal.Wait(); done() })
	removal.Wait()
}

// revoke revokes the lease, and revokes it again as long as a grant of it may still arrive.
func (o *own) revoke(life context.Context, done func()) {
	q := o.queue.anywhere()
	var rest wait.Pause
	for looks := 1; ; looks++ {
		err := q.repeat(life, func(attempt context.Context) error {
			_, err := lease.Revoke(attempt, q.to, o.id)
			return err
		})
		switch {
		case err == nil:
			o.granted--
			done()
		case !errors.Is(err, etcderr.ErrLeaseNotFound):
			return
		case looks == looksMax:
			done()
		}
		if o.granted == 0 || o.givenUp.IsZero() || time.Since(o.givenUp) > lateness || !rest.Sleep(life) {
			return
		}
	}
}
