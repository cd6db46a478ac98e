// SPDX-License-Identifier: Apache-2.0

package member

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

var (
	errConnecting = errors.New("not connected yet")
	errStandby    = errors.New("on standby: mode Random connects to one endpoint at a time")
)

// Endpoint is one address of a connection. Its keeper connects it, looks after it and reconnects it. Any goroutine may
// freeze it. Its lock is never held across anything that blocks. Its methods are safe for concurrent use.
//
// A transport ends in one of two ways. A server or load balancer may retire it with a GOAWAY: calls and streams under
// way go on, and new ones need another transport. Or its connection breaks, and all of them end. In both cases the
// link leaves the rotation and is drained, and the endpoint is redialled at once: it is returning. If the redial
// fails, the endpoint freezes and the streams end. A server that stops accepts no connection, and waits for its
// streams.
//
// A member without a leader, and a learner, refuse most requests. They are healthy, and serve what needs no leader:
// serializable reads, their own status, a snapshot. The endpoint of such a member is frozen. Its link is put aside.
// It takes requests for that endpoint alone, and requests that may go anywhere while the rotation is empty.
type Endpoint struct {
	group   *group
	addr    Address
	key     string                    // of the address
	others  atomic.Pointer[[]Address] // further addresses of the same member; nil before the first are known
	leases  atomic.Int64
	doubted atomic.Bool             // somebody asks to verify the endpoint now
	wake    func()                  // lets its keeper see what there is to do; it does not block
	hurried chan struct{}           // holds one request for an early attempt to reconnect
	life    context.Context         // ends with the connection, or when the endpoint is retired
	end     context.CancelCauseFunc // it does not end the calls under way
	away    time.Time               // when its last link left the rotation, whose lock guards this; zero while one is in

	mu      sync.Mutex
	phase   phase
	since   time.Time // since when Info shows it as Active, or as Frozen
	link    *Link     // while active
	aside   *Link     // while frozen: to a member that is well, but has no leader or is a learner
	drained []*Link   // out of the rotation, but with calls or streams under way
	vitals  *vitals   // what its member said last
	via     string    // the address that led to it last
	err     error     // why it is frozen or retired
	retryAt time.Time // of the next attempt to reconnect; zero while one is under way
}

var _ owner = (*Endpoint)(nil)

func newEndpoint(g *group, a Address) *Endpoint {
	e := &Endpoint{
		group: g, addr: a, key: a.Key(), hurried: make(chan struct{}, 1), err: errConnecting, vitals: &unknown,
		wake: g.wake, away: time.Now(), since: time.Now(),
	}
	if g.Random {
		e.hurried, e.err = g.hurried, errStandby
	}
	e.life, e.end = context.WithCancelCause(g.Life)
	return e
}

// Address is the endpoint's name, as it was given to Open.
func (e *Endpoint) Address() string { return e.addr.Text }

// Key is the same for all spellings of the endpoint's address.
func (e *Endpoint) Key() string { return e.key }

// SetOthers sets the further addresses of the endpoint's member.
func (e *Endpoint) SetOthers(others []Address) { e.others.Store(&others) }

// further returns the further addresses of the endpoint's member.
func (e *Endpoint) further() []Address {
	if others := e.others.Load(); others != nil {
		return *others
	}
	return nil
}

// CountLeases adds n to the number of leases that are kept alive through the endpoint.
func (e *Endpoint) CountLeases(n int) { e.leases.Add(int64(n)) }

// ways returns the addresses of the endpoint's member. The one that worked last comes first.
func (e *Endpoint) ways() []Address {
	ways := append([]Address{e.addr}, e.further()...)
	e.mu.Lock()
	defer e.mu.Unlock()
	slices.SortStableFunc(ways, func(a, b Address) int {
		switch {
		case a.dial == e.via:
			return -1
		case b.dial == e.via:
			return 1
		default:
			return 0
		}
	})
	return ways
}

// Snapshot returns the present state of the endpoint.
func (e *Endpoint) Snapshot() Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Snapshot{Address: e.addr.Text, Leases: int(e.leases.Load()), Since: e.since, Err: e.err}
	if l := cmp.Or(e.link, e.aside); l != nil {
		e.vitals = l.vitals.Load()
	}
	s.Version, s.Leader, s.Learner = e.vitals.version, e.vitals.leads && e.phase == active, e.vitals.learner
	if e.phase.serves() {
		s.Active, s.Returning, s.Err = true, e.phase == returning, nil
	} else if !e.retryAt.IsZero() {
		s.ReconnectIn = max(0, time.Until(e.retryAt))
	}
	return s
}

// OnStandby reports whether mode Random keeps the endpoint in reserve. Nobody needs to wait for such an endpoint.
func (e *Endpoint) OnStandby() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err == errStandby
}

// Member returns the ID of the member behind an Active endpoint, or 0 if it is unknown.
func (e *Endpoint) Member() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link == nil {
		return 0
	}
	return e.link.vitals.Load().member
}

func (e *Endpoint) is(p phase) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.phase == p
}

// answers reports whether the member serves requests without a leader at least, or is about to.
func (e *Endpoint) answers() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.aside != nil || e.phase == returning
}

// Acquire acquires the endpoint's own link, or returns nil. A link that is aside takes only what needs no leader. A
// link to a learner takes everything, because the learner itself refuses what it cannot do. The caller releases the
// link.
func (e *Endpoint) Acquire(needsNoLeader bool) *Link {
	e.mu.Lock()
	l := e.link
	if l == nil && e.aside != nil && (needsNoLeader || e.aside.vitals.Load().learner) {
		l = e.aside
	}
	e.mu.Unlock()
	if l != nil && l.Acquire() {
		return l
	}
	return nil
}

// besides returns the link that is aside, or nil.
func (e *Endpoint) besides() *Link {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.aside
}

func (e *Endpoint) lifetime() context.Context { return e.life }

func (e *Endpoint) absence() *time.Time { return &e.away }

func (e *Endpoint) address() string { return e.addr.Text }

func (e *Endpoint) doubt() {
	e.doubted.Store(true)
	e.wake()
}

// hurry asks for an earlier attempt to reconnect.
func (e *Endpoint) hurry() {
	select {
	case e.hurried <- struct{}{}:
	default: // already requested
	}
}

func (e *Endpoint) logAttrs() []any {
	return []any{slog.String("connection", e.group.Connection), slog.String("endpoint", e.addr.Text)}
}
