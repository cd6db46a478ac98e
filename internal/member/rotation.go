// SPDX-License-Identifier: Apache-2.0

package member

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// rotation is the set of links that take requests, used in turn. Reading it takes no lock.
type rotation struct {
	links atomic.Pointer[[]*Link]
	turn  atomic.Uint64
	led   atomic.Uint64 // how many requests went by way of leader

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, at each change
	empty   time.Time     // since when there is no link; zero while there is one
}

func newRotation() *rotation {
	r := &rotation{changed: make(chan struct{}), empty: time.Now()}
	r.links.Store(&[]*Link{})
	return r
}

func (r *rotation) store(links []*Link) {
	r.links.Store(&links)
	r.empty = outage(len(links) == 0, r.empty)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *rotation) add(l *Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*l.owner.absence() = time.Time{}
	r.store(append(slices.Clone(*r.links.Load()), l))
}

// remove takes l out, and reports whether it was in. With keepLast it leaves the only link in.
func (r *rotation) remove(l *Link, keepLast bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	links := *r.links.Load()
	i := slices.Index(links, l)
	if i < 0 || (keepLast && len(links) == 1) {
		return false
	}
	links = slices.Delete(slices.Clone(links), i, i+1)
	away := l.owner.absence()
	*away = outage(!slices.ContainsFunc(links, l.SameEndpoint), *away)
	r.store(links)
	return true
}

// signal wakes those who watch, since a link may have come or gone outside the rotation.
func (r *rotation) signal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store(*r.links.Load())
}

// outage returns when an absence began. before is its earlier start, or zero if there was none.
func outage(away bool, before time.Time) time.Time {
	switch {
	case !away:
		return time.Time{}
	case before.IsZero():
		return time.Now()
	default:
		return before
	}
}

// outage returns when the last link of an endpoint left, or for nil the last link of all, and a channel that is
// closed when that may have changed. The time is zero while there is a link.
func (r *rotation) outage(of owner) (since time.Time, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if of != nil {
		return *of.absence(), r.changed
	}
	return r.empty, r.changed
}

// only reports whether l is in and no other link is.
func (r *rotation) only(l *Link) bool {
	links := *r.links.Load()
	return len(links) == 1 && links[0] == l
}

// watch returns the number of links now, and a channel that is closed when it may have changed.
func (r *rotation) watch() (int, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(*r.links.Load()), r.changed
}

// next acquires the link whose turn it is, and prefers one of another endpoint than avoid's. It returns nil if there
// is none. The caller releases it.
func (r *rotation) next(avoid *Link) *Link {
	links := *r.links.Load()
	if len(links) == 0 {
		return nil
	}
	var turn uint64
	if avoid == nil {
		turn = r.turn.Add(1)
	} else {
		turn = rand.Uint64() // a retry takes no turn: else first attempts would all fall on the endpoint that fails
	}
	var avoided *Link
	for i := range uint64(len(links)) {
		l := links[(turn+i)%uint64(len(links))]
		if l.SameEndpoint(avoid) {
			avoided = l
			continue
		}
		if l.Acquire() {
			return l
		}
	}
	if avoided != nil && avoided.Acquire() {
		return avoided
	}
	return nil
}

// inTurnEvery says how many requests to the leader share one that goes in turn, so that it is known how soon the others answer.
const inTurnEvery = 32

// leader acquires the link of the leader, for a request that needs the leader whichever member it goes to. The leader answers such a
// request soonest, unless it is busy. The link is the next one in turn while an answer of the leader takes half as long again as one of
// another member, while it is late, and while none or several are known to lead, as after an election. It is nil if there is none. The
// caller releases it.
func (r *rotation) leader(now time.Duration) *Link {
	links := *r.links.Load()
	if len(links) < 2 || r.led.Add(1)%inTurnEvery == 0 {
		return r.next(nil)
	}
	var leader *Link
	takes, others := never, never
	for _, l := range links {
		switch v := l.vitals.Load(); {
		case v.fragile: // it gets no transaction, so it is unknown how soon it answers one
		case v.leads && v.direct && leader != nil:
			return r.next(nil)
		case v.leads && v.direct:
			leader, takes = l, l.speed.Load().expected(now)
		default:
			others = min(others, l.speed.Load().expected(now))
		}
	}
	if takes == never || takes-takes/3 > others || !leader.Acquire() {
		return r.next(nil)
	}
	return leader
}

// other acquires a link of another endpoint than avoid's, or returns nil.
func (r *rotation) other(avoid *Link) *Link {
	l := r.next(avoid)
	if l != nil && l.SameEndpoint(avoid) {
		l.Release()
		return nil
	}
	return l
}
