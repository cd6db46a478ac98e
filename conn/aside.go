// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"errors"
	"math/rand/v2"

	"github.com/eetcd-go/eetcd/etcderr"
)

// A member without a leader, and a learner, refuse most requests, but they are well, and serve what needs no leader:
// serializable reads, their own status, a snapshot. The endpoint of such a member is frozen. Its link is put aside: for
// what is sent to that endpoint alone, and for what may go anywhere when nothing is in the rotation.

// servesLittle reports whether a member that answered a check so is well, but serves only what needs no leader.
func servesLittle(err error) bool {
	return errors.Is(err, etcderr.ErrNotSupportedForLearner) || errors.Is(err, etcderr.ErrNoLeader)
}

// putAside keeps a transport aside.
func (e *endpoint) putAside(t *transport) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.aside = newLink(e, t)
}

// isAside reports whether the transport of a link that has left service is kept aside.
func (e *endpoint) isAside(l *link) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.aside != nil && e.aside.transport == l.transport
}

// dismiss lets go of the link that is aside, if there is one.
func (e *endpoint) dismiss() {
	e.mu.Lock()
	l := e.aside
	e.aside = nil
	e.mu.Unlock()
	if l != nil {
		l.retire(errLost)
		e.discard(l)
	}
}

// acquireAside acquires a link that is aside, for a request that needs no leader where nothing is in the rotation: that of
// another endpoint than avoid where there is one, and that of a voter rather than a learner's, whose data may be old. It
// returns nil where there is none. The caller releases it.
func (c *Conn) acquireAside(avoid *endpoint) *link {
	var best *link
	rank := func(l *link) int {
		n := 0
		if l.ep == avoid {
			n += 2
		}
		if l.vitals.Load().learner {
			n++
		}
		return n
	}
	all := c.all()
	first := rand.IntN(len(all))
	for i := range all {
		e := all[(first+i)%len(all)]
		e.mu.Lock()
		l := e.aside
		e.mu.Unlock()
		if l != nil && (best == nil || rank(l) < rank(best)) && l.acquire() {
			if best != nil {
				best.release()
			}
			best = l
		}
	}
	return best
}
