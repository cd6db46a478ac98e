// SPDX-License-Identifier: Apache-2.0

package presence

import (
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
)

// pacer hands out the turns of a connection.
type pacer struct {
	mu   sync.Mutex
	next time.Time // when the next turn may begin
}

type pacerKey struct{}

func pacerOf(c *engine.Conn) *pacer {
	return c.Attach(pacerKey{}, func() any { return &pacer{} }).(*pacer)
}

// reserve reserves a turn of a number of requests, and returns the time until it begins.
func (p *pacer) reserve(requests int) time.Duration {
	const each = time.Second / paceRate
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if earliest := now.Add(-paceBurst * each); p.next.Before(earliest) {
		p.next = earliest
	}
	turn := p.next
	p.next = turn.Add(time.Duration(requests) * each)
	return turn.Sub(now)
}
