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

// Set is the endpoints of one connection. Reading it takes no lock; the set is replaced as a whole. Its methods are safe for
// concurrent use.
type Set struct {
	group *group
	now   atomic.Pointer[[]*Endpoint]
	next  atomic.Pointer[Endpoint] // of mode Random: just seen to work, and so the next one; nil: any
}

// NewSet makes the endpoints of a connection. Start has them looked after.
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

// All is the endpoints there are now. The slice is not to be changed.
func (s *Set) All() []*Endpoint { return *s.now.Load() }

// Addresses is the addresses of the endpoints there are now.
func (s *Set) Addresses() []Address {
	var addresses []Address
	for _, e := range s.All() {
		addresses = append(addresses, e.addr)
	}
	return addresses
}

// Store makes these the endpoints. The slice is not to be changed afterwards.
func (s *Set) Store(all []*Endpoint) { s.now.Store(&all) }

// Start starts the goroutines that look after the endpoints, and returns where their first verdicts arrive and how many
// there will be.
func (s *Set) Start() (<-chan error, int) {
	all := s.All()
	if s.group.Random {
		first := make(chan error, 1)
		s.group.Life.Fork(func() { keepOne(s.group, s.All, s.preferred, firstTo(first)) })
		return first, 1
	}
	first := make(chan error, len(all))
	for _, e := range all {
		s.group.Life.Fork(func() { (&keeper{Endpoint: e}).keep(firstTo(first)) })
	}
	return first, len(all)
}

// Keep has endpoints looked after that have been added to the set, and returns where their first verdicts arrive and how
// many there will be. On a closed connection it returns ErrClosed.
func (s *Set) Keep(added []*Endpoint) (<-chan error, int, error) {
	if s.group.Random {
		return nil, 0, nil // whoever looks after one of them sees them
	}
	first := make(chan error, len(added))
	for _, e := range added {
		if err := s.group.Life.Go(func(context.Context) { (&keeper{Endpoint: e}).keep(firstTo(first)) }); err != nil {
			return nil, 0, err
		}
	}
	return first, len(added), nil
}

// Try tries whether an endpoint can take requests, over a transport for that alone.
func (s *Set) Try(e *Endpoint) error {
	t, err := (&keeper{Endpoint: e}).reach()
	if err != nil {
		return err
	}
	_ = t.cc.Close()
	return t.littleFor
}

// Prefer has mode Random use this endpoint next.
func (s *Set) Prefer(e *Endpoint) { s.next.Store(e) }

// preferred is the endpoint of Prefer, once.
func (s *Set) preferred() *Endpoint { return s.next.Swap(nil) }

// firstTo makes a function that sends what it is called with to first, the first time.
func firstTo(first chan<- error) (verdict func(error)) {
	return func(err error) {
		if first != nil {
			first <- err
			first = nil
		}
	}
}

// Info is a snapshot of each endpoint, sorted by address. It never blocks.
func (s *Set) Info() []Snapshot {
	all := s.All()
	infos := make([]Snapshot, 0, len(all))
	for _, e := range all {
		infos = append(infos, e.Snapshot())
	}
	slices.SortFunc(infos, func(a, b Snapshot) int { return cmp.Compare(a.Address, b.Address) })
	return infos
}

// Find is the endpoint of an address, whatever its spelling; nil where the connection has none.
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
		if slices.ContainsFunc(*e.others.Load(), func(a Address) bool { return a.Key() == key }) {
			return e
		}
	}
	return nil
}

// Next acquires the link in the rotation whose turn it is, one of another endpoint than that of avoid where there is one; nil
// when there is none. The caller releases it.
func (s *Set) Next(avoid *Link) *Link { return s.group.rotation.next(avoid) }

// Other acquires a link in the rotation of another endpoint than that of avoid; nil when there is none. The caller releases it.
func (s *Set) Other(avoid *Link) *Link { return s.group.rotation.other(avoid) }

// Aside acquires a link that is aside, for a request that needs no leader where nothing is in the rotation: that of another
// endpoint than avoid's where there is one, and that of a voter rather than a learner's, whose data may be old. It returns
// nil where there is none. The caller releases it.
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

// Outside acquires a link for one call to an address that is none of the set's. It is closed after the call: the caller
// releases it. On a closed connection it returns ErrClosed.
func (s *Set) Outside(a Address) (*Link, error) { return outside(s.group, a) }

// Watch returns the number of links in the rotation now and a channel that is closed when it may have changed.
func (s *Set) Watch() (int, <-chan struct{}) { return s.group.rotation.watch() }

// Outage returns since when the endpoint has had no link in the rotation, with nil since when there has been none at all, and
// a channel that is closed when that may have changed. The time is zero while there is one.
func (s *Set) Outage(e *Endpoint) (since time.Time, changed <-chan struct{}) {
	if e == nil {
		return s.group.rotation.outage(nil)
	}
	return s.group.rotation.outage(e)
}

// Hurry brings the next attempt to reconnect an endpoint forward, with nil that of each, because a call waits for it. Each
// endpoint is tried at most four times a second. An attempt under way is not disturbed; the one after it is brought forward
// then.
func (s *Set) Hurry(wanted *Endpoint) {
	if wanted != nil {
		wanted.hurry()
		return
	}
	for _, e := range s.All() {
		e.hurry()
	}
}

// ComingBack reports whether the endpoint, with nil any of them, is being redialled for the first time after the loss of its
// transport. The channel of Outage tells when that is decided.
func (s *Set) ComingBack(e *Endpoint) bool {
	if e != nil {
		return e.is(returning)
	}
	return s.group.searching.Load() || slices.ContainsFunc(s.All(), func(e *Endpoint) bool { return e.is(returning) })
}

// Serves reports whether an endpoint is Active, which proves that the cluster has a majority, or a member at least serves
// what needs no leader: all that can be had of a cluster without a majority.
func (s *Set) Serves() bool {
	active, _ := s.Watch()
	return active > 0 || slices.ContainsFunc(s.All(), (*Endpoint).answers)
}
