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
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/watch"
)

// Holding says what is to be held and how.
type Holding struct {
	Request ctx.Ctx // connection, endpoint, and the timeout of the wait
	TTL     time.Duration
	Lost    error // sentinel for the loss
	// Acquire waits until a claim with that lease is held, and returns its key.
	Acquire func(waiting context.Context, lease int64) (key string, err error)
}

var errKeyGone = errors.New("the key is gone")

// While makes a claim with a lease of its own, runs f while it is held, and gives it up. held is cancelled when the lease
// may have ended or the key is gone, and with parent; the claim is kept until f returns in any case. However f ends, by a
// panic too, the lease is revoked, and the key with it.
func (h Holding) While(parent context.Context, f func(held context.Context, h Held) error) error {
	to := base(h.Request)
	waiting, stopWaiting := bounded(parent, h.Request)
	defer stopWaiting()
	granted, err := lease.Grant(waiting, to, h.TTL)
	if err != nil {
		return err
	}
	defer release(parent, to, granted.GetID())
	keeper, err := h.keep(parent, waiting, granted.GetID())
	if err != nil {
		return err
	}
	defer keeper.Close()
	claim, err := h.acquire(waiting, keeper)
	if err != nil {
		return err
	}

	held, cancel := context.WithCancelCause(parent)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() { h.watchLease(held, keeper, cancel) })
	watching.Go(func() {
		if watchKey(held, to, claim) {
			cancel(h.lost(errKeyGone))
		}
	})
	err = f(held, claim)
	lost := context.Cause(held)
	if reason := keeper.Err(); reason != nil { // the clock may know before the goroutine has run
		lost = h.lost(reason)
	}
	if !errors.Is(lost, h.Lost) || errors.Is(err, h.Lost) {
		return err
	}
	return errors.Join(err, lost)
}

func (h Holding) lost(reason error) error { return fmt.Errorf("%w: %w", h.Lost, reason) }

// keep keeps the lease until the Keeper is closed, though not longer than waiting while it is not kept yet.
func (h Holding) keep(parent, waiting context.Context, id int64) (*lease.Keeper, error) {
	life, end := context.WithCancelCause(context.WithoutCancel(parent))
	stop := context.AfterFunc(waiting, func() { end(context.Cause(waiting)) })
	keeper, err := lease.KeepAlive(life, base(h.Request), id)
	if !stop() && err == nil {
		_ = keeper.Close()
		err = context.Cause(waiting)
	}
	return keeper, err
}

// acquire waits for the claim as long as its lease is kept.
func (h Holding) acquire(waiting context.Context, keeper *lease.Keeper) (Held, error) {
	alive, giveUp := context.WithCancelCause(waiting)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer giveUp(nil)
	watching.Go(func() { h.watchLease(alive, keeper, giveUp) })
	key, err := h.Acquire(alive, keeper.ID())
	if err != nil {
		return Held{}, err
	}
	// The revision of the answer may be a later one than that of the key.
	there, err := kv.Get(alive, base(h.Request).WithKey(key))
	if err != nil {
		return Held{}, err
	}
	if reason := keeper.Err(); reason != nil {
		return Held{}, h.lost(reason)
	}
	if len(there.GetKvs()) == 0 {
		return Held{}, h.lost(errKeyGone)
	}
	return Held{Key: key, Rev: there.GetKvs()[0].GetCreateRevision(), Lease: keeper.ID()}, nil
}

// watchLease ends life when the lease ends.
func (h Holding) watchLease(life context.Context, keeper *lease.Keeper, end context.CancelCauseFunc) {
	select {
	case <-keeper.Done():
		end(h.lost(keeper.Err()))
	case <-life.Done():
	}
}

// watchKey reports whether the key has been deleted; otherwise life has ended, or nobody may watch the key.
func watchKey(life context.Context, to ctx.Ctx, h Held) bool {
	key := to.WithKey(h.Key)
	for from := h.Rev + 1; ; {
		w, err := watch.Watch(life, key.WithStartRevision(from).WithFilterPut())
		if err == nil {
			for event, failed := range w.Events() {
				if event != nil {
					_ = w.Close()
					return true
				}
				err = failed
			}
			_ = w.Close()
		}
		var compacted *watch.CompactedError
		switch {
		case life.Err() != nil || gone(err):
			return false
		case errors.As(err, &compacted):
			there, err := kv.Get(life, key)
			if err == nil && (len(there.GetKvs()) == 0 || there.GetKvs()[0].GetCreateRevision() != h.Rev) {
				return true
			}
			if err == nil {
				from = there.GetHeader().GetRevision() + 1
				continue
			}
		}
		if !sleep(life, 200*time.Millisecond) {
			return false
		}
	}
}

// release revokes the lease, and so deletes the key. What it does not manage in some seconds is left to the TTL.
func release(parent context.Context, to ctx.Ctx, id int64) {
	life, stop := afterwards(parent)
	defer stop()
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		_, err := lease.Revoke(life, to, id)
		if err == nil || errors.Is(err, etcderr.ErrLeaseNotFound) || gone(err) || !sleep(life, pause) {
			return
		}
	}
}
