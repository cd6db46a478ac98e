// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// rotation is the set of links that take requests, used in turn. Reading it takes no lock.
type rotation struct {
	links atomic.Pointer[[]*link]
	turn  atomic.Uint64

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, at each change
	empty   time.Time     // since when there is no link; zero while there is one
}

func newRotation() *rotation {
	r := &rotation{changed: make(chan struct{}), empty: time.Now()}
	r.links.Store(&[]*link{})
	return r
}

func (r *rotation) store(links []*link) {
	r.links.Store(&links)
	r.empty = outage(len(links) == 0, r.empty)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *rotation) add(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.ep.away = time.Time{}
	r.store(append(slices.Clone(*r.links.Load()), l))
}

// remove takes l out, and reports whether it was in. With keepLast, a link that is the only one stays.
func (r *rotation) remove(l *link, keepLast bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	links := *r.links.Load()
	i := slices.Index(links, l)
	if i < 0 || (keepLast && len(links) == 1) {
		return false
	}
	links = slices.Delete(slices.Clone(links), i, i+1)
	l.ep.away = outage(!slices.ContainsFunc(links, func(other *link) bool { return other.ep == l.ep }), l.ep.away)
	r.store(links)
	return true
}

// signal tells those who watch to look again: a link may have come or gone beside the rotation.
func (r *rotation) signal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store(*r.links.Load())
}

// outage is since when something is away, where it was so since before, or was not if that is zero.
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

// outage returns since when the endpoint has had no link here, with nil since when there has been none at all, and a
// channel that is closed when that may have changed. The time is zero while there is one.
func (r *rotation) outage(e *endpoint) (since time.Time, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e != nil {
		return e.away, r.changed
	}
	return r.empty, r.changed
}

// only reports whether l is in and no other link is.
func (r *rotation) only(l *link) bool {
	links := *r.links.Load()
	return len(links) == 1 && links[0] == l
}

// watch returns the number of links now and a channel that is closed when it may have changed.
func (r *rotation) watch() (int, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(*r.links.Load()), r.changed
}

// next acquires the link whose turn it is, one of another endpoint than avoid where there is one; nil when there is
// none. The caller releases it.
func (r *rotation) next(avoid *endpoint) *link {
	links := *r.links.Load()
	if len(links) == 0 {
		return nil
	}
	var turn uint64
	if avoid == nil {
		turn = r.turn.Add(1)
	} else {
		turn = rand.Uint64() // a second try takes no turn, which would send each first one to the endpoint to avoid
	}
	var avoided *link
	for i := range uint64(len(links)) {
		l := links[(turn+i)%uint64(len(links))]
		if l.ep == avoid {
			avoided = l
			continue
		}
		if l.acquire() {
			return l
		}
	}
	if avoided != nil && avoided.acquire() {
		return avoided
	}
	return nil
}

// other acquires a link of another endpoint than avoid; nil when there is none.
func (r *rotation) other(avoid *endpoint) *link {
	l := r.next(avoid)
	if l != nil && l.ep == avoid {
		l.release()
		return nil
	}
	return l
}
