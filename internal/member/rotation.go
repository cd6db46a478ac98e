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

// remove takes l out, and reports whether it was in. With keepLast, a link that is the only one stays.
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

// outage returns since when an endpoint has had no link here, with nil since when there has been none at all, and a
// channel that is closed when that may have changed. The time is zero while there is one.
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

// watch returns the number of links now and a channel that is closed when it may have changed.
func (r *rotation) watch() (int, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(*r.links.Load()), r.changed
}

// next acquires the link whose turn it is, one of another endpoint than that of avoid where there is one; nil when there is
// none. The caller releases it.
func (r *rotation) next(avoid *Link) *Link {
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

// other acquires a link of another endpoint than that of avoid; nil when there is none.
func (r *rotation) other(avoid *Link) *Link {
	l := r.next(avoid)
	if l != nil && l.SameEndpoint(avoid) {
		l.Release()
		return nil
	}
	return l
}
