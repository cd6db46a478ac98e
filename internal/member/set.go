// SPDX-License-Identifier: Apache-2.0

package member

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Set holds the endpoints of one connection. A read takes no lock, and a change replaces the whole set. Its methods
// are safe for concurrent use.
type Set struct {
	group *group
	now   atomic.Pointer[[]*Endpoint]
	next  atomic.Pointer[Endpoint] // mode Random uses this one next, since it has just worked; nil: any
}

// NewSet makes the endpoints of a connection. Start begins to look after them.
func NewSet(c *Config, addresses []Address) *Set {
	s := &Set{group: newGroup(c)}
	var all []*Endpoint
	for _, a := range addresses {
		all = append(all, s.New(a))
	}
	s.Store(all)
	return s
}

// New makes an endpoint that is not in the set yet.
func (s *Set) New(a Address) *Endpoint { return newEndpoint(s.group, a) }

// All returns the present endpoints. The caller must not change the slice.
func (s *Set) All() []*Endpoint { return *s.now.Load() }

// Addresses returns the addresses of the present endpoints.
func (s *Set) Addresses() []Address {
	var addresses []Address
	for _, e := range s.All() {
		addresses = append(addresses, e.addr)
	}
	return addresses
}

// Store replaces the endpoints. The caller must not change the slice afterwards.
func (s *Set) Store(all []*Endpoint) { s.now.Store(&all) }

// Start begins to look after the endpoints. It returns the channel of their first verdicts, and the number of those.
func (s *Set) Start() (<-chan error, int) {
	all := s.All()
	if s.group.Random {
		first := make(chan error, 1)
		s.group.Life.Fork(func() { keepOne(s.group, s.All, s.preferred, firstTo(first)) })
		return first, 1
	}
	first := make(chan error, len(all))
	for _, e := range all {
		newKeeper(e).start(firstTo(first))
	}
	return first, len(all)
}

// Keep starts to look after endpoints that were added to the set. It returns the channel of their first verdicts, and
// the number of those. On a closed connection it returns ErrClosed.
func (s *Set) Keep(added []*Endpoint) (<-chan error, int, error) {
	if s.group.Random {
		return nil, 0, nil // the one goroutine of mode Random sees them
	}
	first := make(chan error, len(added))
	for _, e := range added {
		if err := s.group.Life.Go(func(context.Context) { newKeeper(e).start(firstTo(first)) }); err != nil {
			return nil, 0, err
		}
	}
	return first, len(added), nil
}

// Try tests whether an endpoint can take requests, over a transport for this test alone.
func (s *Set) Try(e *Endpoint) error {
	t, err := (&connector{Endpoint: e}).reach()
	if err != nil {
		return err
	}
	t.line.close()
	return t.unfit
}

// Prefer makes mode Random use this endpoint next.
func (s *Set) Prefer(e *Endpoint) { s.next.Store(e) }

// preferred returns the endpoint of Prefer, and clears it.
func (s *Set) preferred() *Endpoint { return s.next.Swap(nil) }

// firstTo returns a function that sends the argument of its first call to first.
func firstTo(first chan<- error) (verdict func(error)) {
	return func(err error) {
		if first != nil {
			first <- err
			first = nil
		}
	}
}

// Info returns a snapshot of each endpoint, sorted by address. It never blocks.
func (s *Set) Info() []Snapshot {
	all := s.All()
	infos := make([]Snapshot, 0, len(all))
	for _, e := range all {
		infos = append(infos, e.Snapshot())
	}
	slices.SortFunc(infos, func(a, b Snapshot) int { return cmp.Compare(a.Address, b.Address) })
	return infos
}

// Find returns the endpoint of an address in any spelling, or nil.
func (s *Set) Find(text string) *Endpoint {
	all := s.All()
	for _, e := range all {
		if e.addr.Text == text {
			return e
		}
	}
	key := KeyOf(text)
	if key == "" {
		return nil
	}
	for _, e := range all {
		if e.key == key {
			return e
		}
	}
	for _, e := range all {
		if slices.ContainsFunc(e.further(), func(a Address) bool { return a.Key() == key }) {
			return e
		}
	}
	return nil
}

// Next acquires the link in the rotation whose turn it is, and prefers one of another endpoint than avoid's. It
// returns nil if there is none. The caller releases it.
func (s *Set) Next(avoid *Link) *Link { return s.group.rotation.next(avoid) }

// Leader acquires the link in the rotation to the leader. If the leader is unknown, or is busy by what [Link.Begins] and [Link.Ends] tell, it
// acquires the next one in turn. It returns nil if there is none. The caller releases it.
func (s *Set) Leader() *Link { return s.group.rotation.leader(Clock()) }

// Other acquires a link in the rotation of another endpoint than avoid's, or returns nil. The caller releases it.
func (s *Set) Other(avoid *Link) *Link { return s.group.rotation.other(avoid) }

// Aside acquires a link that is aside, for a request that needs no leader while the rotation is empty. It prefers
// another endpoint than avoid's, and a voter to a learner, whose data may be old. It returns nil if there is none.
// The caller releases it.
func (s *Set) Aside(avoid *Link) *Link {
	var best *Link
	rank := func(l *Link) int {
		n := 0
		if l.SameEndpoint(avoid) {
			n += 2
		}
		if l.vitals.Load().learner {
			n++
		}
		return n
	}
	all := s.All()
	first := rand.IntN(len(all))
	for i := range all {
		l := all[(first+i)%len(all)].besides()
		if l != nil && (best == nil || rank(l) < rank(best)) && l.Acquire() {
			if best != nil {
				best.Release()
			}
			best = l
		}
	}
	return best
}

// Outside acquires a link for one call to an address outside the set. The caller releases it, which closes it. On a
// closed connection it returns ErrClosed.
func (s *Set) Outside(a Address) (*Link, error) { return outside(s.group, a) }

// Watch returns the number of links in the rotation now, and a channel that is closed when it may have changed.
func (s *Set) Watch() (int, <-chan struct{}) { return s.group.rotation.watch() }

// Outage returns when the last link of an endpoint left the rotation, or for nil the last link of all, and a channel
// that is closed when that may have changed. The time is zero while there is a link.
func (s *Set) Outage(e *Endpoint) (since time.Time, changed <-chan struct{}) {
	if e == nil {
		return s.group.rotation.outage(nil)
	}
	return s.group.rotation.outage(e)
}

// Hurry brings the next attempt to reconnect an endpoint forward, or for nil those of all, because a call waits for
// it. Each endpoint is tried at most four times a second. During an attempt, Hurry brings the one after it forward.
func (s *Set) Hurry(wanted *Endpoint) {
	if wanted != nil {
		wanted.hurry()
		return
	}
	for _, e := range s.All() {
		e.hurry()
	}
}

// ComingBack reports whether an endpoint, or for nil any of them, is being redialled for the first time after the
// loss of its transport. The channel of Outage is closed when that is decided.
func (s *Set) ComingBack(e *Endpoint) bool {
	if e != nil {
		return e.is(returning)
	}
	return s.group.searching.Load() || slices.ContainsFunc(s.All(), func(e *Endpoint) bool { return e.is(returning) })
}

// Serves reports whether the connection is of use: an endpoint is Active, which proves a majority, or a member serves
// at least what needs no leader.
func (s *Set) Serves() bool {
	active, _ := s.Watch()
	return active > 0 || slices.ContainsFunc(s.All(), (*Endpoint).answers)
}
