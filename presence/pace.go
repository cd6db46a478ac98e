// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"slices"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// Presences that return take turns, so that a cluster which has just come back does not get the requests of all of them at once.
// Those of a connection send paceRate requests a second at most. A burst may go at once, and what is held up on this side goes
// together, so there is a limit of what is under way. All that is less than 200 in any second.
const (
	paceRate  = 150
	paceBurst = 10
	paceAhead = 20 // requests that are under way
	paceEach  = time.Second / paceRate
)

// pacer hands out turns, each for one request. A turn that comes late puts off all that follow, so a process or a server that was
// stopped for a while does not make up for it in a burst.
type pacer struct {
	mu       sync.Mutex
	queues   [2][]*turn // of those that have begun to return, and of those that have not
	next     time.Time  // when the next turn may begin
	timer    *time.Timer
	underWay int // turns that have begun and are not over
}

// Those that have begun to return come first. Otherwise the lease that one of them has just got would run out while it waits for
// the turn of its next request.
const (
	returning = iota
	starting
)

// turn is a place in the queue.
type turn struct {
	queue int
	begun chan struct{} // closed when the turn has come
	late  *time.Timer   // puts the turn into the queue; nil if it is there at once
	runs  bool          // it has begun and is not over
}

type pacerKey struct{}

func pacerOf(c *engine.Conn) *pacer {
	return c.Attach(pacerKey{}, func() any { return &pacer{} }).(*pacer)
}

// enter enters a queue, after a while. Whoever enters leaves.
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
	p.serve()
}

// leave ends a turn, or gives it up.
func (p *pacer) leave(t *turn) {
	if t.late != nil {
		t.late.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.runs {
		t.runs = false
		p.underWay--
		p.serve()
		return
	}
	queue := &p.queues[t.queue]
	if i := slices.Index(*queue, t); i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
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
			if p.underWay == paceAhead {
				return // until one leaves
			}
			if wait := p.next.Sub(now); wait > 0 {
				p.again(wait)
				return
			}
			t := (*q)[0]
			(*q)[0] = nil
			*q = (*q)[1:]
			t.runs = true
			p.underWay++
			close(t.begun)
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
