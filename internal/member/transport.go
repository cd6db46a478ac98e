// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"sync/atomic"
	"time"
)

// transport is one connection to an endpoint, with the number of its users.
type transport struct {
	line     *line
	wire     *wire
	dialled  string        // the address that led to it
	unfit    error         // what the last attempt found: nil, or servesLittle, or tooLate
	late     int           // attempts over it, one after another, that were tooLate
	users    atomic.Int64  // the calls and streams under way, and 1 for the endpoint itself
	idle     chan struct{} // closed when users falls to 0; nil while the endpoint itself is a user
	answers  atomic.Int64  // number of answers, which tells a slow member from a silent one
	vitals   atomic.Pointer[vitals]
	heard    atomic.Int64 // when the member answered last, by Clock
	silentAt atomic.Int64 // when a stream fell silent last, by Clock; 0: none did
	probing  atomic.Pointer[Probe]
}

// vitals is what a member reports about itself.
type vitals struct {
	version string
	member  uint64
	leads   bool
	direct  bool // no proxy tells that of a member behind it
	learner bool
	fragile bool // a cancelled read may crash it
}

// unknown are the vitals of a member that has reported nothing.
var unknown vitals

// quietAfter is how long after the member's last answer a link counts as quiet.
const quietAfter = 5 * time.Second

func newTransport(to *line, a Address, w *wire) *transport {
	t := &transport{line: to, dialled: a.dial, wire: w}
	t.users.Store(1)
	t.vitals.Store(&unknown)
	t.HeardFrom(Clock())
	return t
}

// Acquire keeps the transport open until Release. It fails once the transport may have been closed.
func (t *transport) Acquire() bool {
	for {
		n := t.users.Load()
		if n == 0 {
			return false
		}
		if t.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release gives up one use of the transport.
func (t *transport) Release() {
	if t.users.Add(-1) == 0 {
		close(t.idle)
	}
}

// letGo gives up the endpoint's own use of the transport.
func (t *transport) letGo() {
	t.idle = make(chan struct{}) // nobody looks at it while there is a user
	t.Release()
}

// closeWhenIdle closes the transport after its last call. If hard ends first, it closes it at once, and the calls
// fail.
func (t *transport) closeWhenIdle(hard context.Context) {
	select {
	case <-t.idle:
		t.line.close()
	case <-hard.Done():
		t.line.abort()
	}
}

// HeardFrom records that the member answered at a time of Clock.
func (t *transport) HeardFrom(at time.Duration) { t.heard.Store(int64(at)) }

// Quiet reports whether the member has not answered for long. now is the time by Clock.
func (t *transport) Quiet(now time.Duration) bool {
	return now-time.Duration(t.heard.Load()) > quietAfter
}
