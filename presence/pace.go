// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// Presences that return take turns, so that a cluster which has just come back does not get the requests of all of them at once.
// Those of a connection send this many requests a second at most; a burst may go at once. Together that is less than 200 in any
// second.
const (
	paceRate  = 150
	paceBurst = 15
	paceEach  = time.Second / paceRate
)

// pacer hands out turns, each for one request. A turn that comes late puts off all that follow, so a process or a server that was
// stopped for a while does not make up for it in a burst.
type pacer struct {
	mu     sync.Mutex
	queues [2][]*turn // of those that have begun to return, and of those that have not
	next   time.Time  // when the next turn may begin
	timer  *time.Timer
}

// Those that have begun to return come first. Otherwise the lease that one of them has just got would run out while it waits for
// the turn of its next request.
const (
	underWay = iota
	starting
)

// turn is a place in the queue.
type turn struct {
	queue int
	begun chan struct{} // closed when the turn has come
	late  *time.Timer   // puts the turn into the queue; nil if it is there at once
}

type pacerKey struct{}

func pacerOf(c *engine.Conn) *pacer {
	return c.Attach(pacerKey{}, func() any { return &pacer{} }).(*pacer)
}

// enter enters a queue, after a while.
func (p *pacer) enter(queue int, after time.Duration) *turn {
	t := &turn{queue: queue, begun: make(chan struct{})}
	if after > 0 {
		t.late = time.AfterFunc(after, func() { p.add(t) })
		return t
	}
	p.add(t)
	return t
}

func (p *pacer) add(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queues[t.queue] = append(p.queues[t.queue], t)
	if len(p.queues[underWay])+len(p.queues[starting]) == 1 {
		p.serve()
	}
}

// leave gives up a turn. It may have come, or gone, already.
func (p *pacer) leave(t *turn) {
	if t.late != nil {
		t.late.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	queue := &p.queues[t.queue]
	if i := slices.Index(*queue, t); i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
	}
}

// wait waits for a turn. It reports false if the context ends first.
func (p *pacer) wait(within context.Context, queue int) bool {
	t := p.enter(queue, 0)
	select {
	case <-t.begun:
		return true
	case <-within.Done():
		p.leave(t)
		return false
	}
}

// serve begins the turns that are due, and comes again for the next one. The caller holds the lock.
func (p *pacer) serve() {
	now := time.Now()
	if earliest := now.Add(-paceBurst * paceEach); p.next.Before(earliest) {
		p.next = earliest
	}
	for queue := range p.queues {
		for q := &p.queues[queue]; len(*q) > 0; p.next = p.next.Add(paceEach) {
			if wait := p.next.Sub(now); wait > 0 {
				p.again(wait)
				return
			}
			close((*q)[0].begun)
			(*q)[0] = nil
			*q = (*q)[1:]
		}
	}
}

// again has the next turn served after a while.
func (p *pacer) again(after time.Duration) {
	if p.timer != nil {
		p.timer.Reset(after)
		return
	}
	p.timer = time.AfterFunc(after, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.serve()
	})
}
