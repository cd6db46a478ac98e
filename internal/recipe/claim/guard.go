// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"sync"

	"github.com/eetcd-go/eetcd/lease"
)

// guard watches the place of a waiter or a holder: its key, and its lease if that is kept here.
type guard struct {
	life  context.Context // ends with the place; its cause is why
	end   context.CancelCauseFunc
	tasks sync.WaitGroup
}

// guardPlace begins to watch a place whose key exists. keeper may be nil.
func guardPlace(parent context.Context, p *place, keeper *lease.Keeper) *guard {
	g := &guard{}
	g.life, g.end = context.WithCancelCause(context.WithoutCancel(parent))
	g.tasks.Go(func() {
		if err := p.queue.lost(g.life, p.key, p.lease, p.rev); g.life.Err() == nil {
			g.end(err)
		}
	})
	if keeper != nil {
		g.tasks.Go(func() {
			select {
			case <-keeper.Done():
				g.end(keeper.Err())
			case <-g.life.Done():
			}
		})
	}
	return g
}

// lost returns why the place is lost, or nil while it is not known to be lost.
func (g *guard) lost() error {
	if cause := context.Cause(g.life); !errors.Is(cause, errUnguarded) {
		return cause
	}
	return nil
}

var errUnguarded = errors.New("the guard has left")

func (g *guard) close() {
	g.end(errUnguarded)
	g.tasks.Wait()
}

// within returns parent, limited to the time until the place is lost.
func (g *guard) within(parent context.Context, lost func(error) error) (context.Context, func()) {
	bound, cancel := context.WithCancelCause(parent)
	unbind := context.AfterFunc(g.life, func() {
		if reason := g.lost(); reason != nil {
			cancel(lost(reason))
		}
	})
	return bound, func() { unbind(); cancel(nil) }
}
