// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"sync"
)

// guests counts what users have begun, such as watches, and ends it.
type guests struct {
	gate   sync.Mutex // between those who come and the one who dismisses
	life   context.Context
	cancel context.CancelFunc
	inside sync.WaitGroup
}

// newGuests returns guests that leave with life, which may be nil.
func newGuests(life context.Context) *guests {
	if life == nil {
		life = context.Background()
	}
	g := new(guests)
	g.life, g.cancel = context.WithCancel(life)
	return g
}

// begin returns the context of a new guest, which ends with parent and with all guests. The guest calls end when it has left. After
// the end of all guests it returns errEnded.
func (g *guests) begin(parent context.Context) (ctx context.Context, end func(), err error) {
	if parent == nil {
		return nil, nil, errNoContext
	}
	g.gate.Lock()
	defer g.gate.Unlock()
	if g.life.Err() != nil {
		return nil, nil, errEnded
	}
	g.inside.Add(1)
	ctx, cancel := context.WithCancel(parent)
	stop := context.AfterFunc(g.life, cancel)
	return ctx, func() {
		stop()
		cancel()
		g.inside.Done()
	}, nil
}

// dismiss ends all guests and waits until they have left.
func (g *guests) dismiss() {
	g.gate.Lock()
	g.cancel()
	g.gate.Unlock()
	g.inside.Wait()
}
