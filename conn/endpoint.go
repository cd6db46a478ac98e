// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
)

var (
	errConnecting = errors.New("not connected yet")
	errStandby    = errors.New("on standby: mode Random connects to one endpoint at a time")
)

// phase is where an endpoint is in its life:
//
//	phase      event                                                   next
//	frozen     an attempt to connect succeeds                          active
//	active     the transport is retired or breaks                      returning
//	active     a check fails, or a call is told of no leader           frozen
//	returning  the redial, which comes at once, succeeds               active
//	returning  it fails                                                frozen
//	any        the endpoint is no longer one of the connection         retired
//
// A returning endpoint is told as Active: mostly it is so again before anybody notices.
type phase uint8

const (
	frozen phase = iota
	active
	returning
	retired
)

// endpoint is one address of a connection. One goroutine connects it, looks after it and reconnects it; any goroutine
// may freeze it. Its lock is never held across anything that blocks.
type endpoint struct {
	conn    *Conn
	addr    address
	key     string                    // of the address
	others  atomic.Pointer[[]address] // further addresses of the same member
	leases  atomic.Int64
	suspect chan struct{}           // holds one request to verify the endpoint now
	hurried chan struct{}           // holds one request for an early attempt to reconnect
	life    context.Context         // ends with the connection, or when the endpoint is retired
	retire  context.CancelCauseFunc // it does not end the calls under way
	away    time.Time               // since when no link of it is in the rotation, whose lock guards this; zero while one is

	mu      sync.Mutex
	phase   phase
	link    *link     // while active
	aside   *link     // while frozen: to a member that is well, but has no leader or is a learner
	drained []*link   // out of the rotation, but with calls or streams under way
	vitals  vitals    // what its member said last
	via     string    // the address that led to it last
	err     error     // why it is frozen or retired
	retryAt time.Time // of the next attempt to reconnect; zero while one is under way

	told State // what the state listener heard last
	any  bool  // whether it heard anything; both belong to the goroutine that looks after the endpoint
}

func newEndpoint(c *Conn, a address) *endpoint {
	e := &endpoint{
		conn: c, addr: a, key: a.key(), suspect: make(chan struct{}, 1), hurried: make(chan struct{}, 1), err: errConnecting,
		away: time.Now(),
	}
	e.others.Store(new([]address))
	if c.opts.mode == Random {
		e.hurried = c.hurried
	}
	e.life, e.retire = context.WithCancelCause(c.life)
	return e
}

// find is the endpoint of an address, whatever its spelling; nil where the connection has none.
func (c *Conn) find(text string) *endpoint {
	all := c.all()
	for _, e := range all {
		if e.addr.text == text {
			return e
		}
	}
	key := keyOf(text)
	if key == "" {
		return nil
	}
	for _, e := range all {
		if e.key == key {
			return e
		}
	}
	for _, e := range all {
		if slices.ContainsFunc(*e.others.Load(), func(a address) bool { return a.key() == key }) {
			return e
		}
	}
	return nil
}

// ways are the addresses of the endpoint's member, the one that led to it last before the others.
func (e *endpoint) ways() []address {
	ways := append([]address{e.addr}, *e.others.Load()...)
	e.mu.Lock()
	defer e.mu.Unlock()
	slices.SortStableFunc(ways, func(a, b address) int {
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

// snapshot is the endpoint as Info shows it.
func (e *endpoint) snapshot() Endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Endpoint{Name: e.conn.name, Address: e.addr.text, State: Frozen, Leases: int(e.leases.Load()), Err: e.err}
	if l := cmp.Or(e.link, e.aside); l != nil {
		e.vitals = *l.vitals.Load()
	}
	s.Version, s.Leader, s.Learner = e.vitals.version, e.vitals.leads && e.phase == active, e.vitals.learner
	if e.phase == active || e.phase == returning {
		s.State, s.Err = Active, nil
	} else if !e.retryAt.IsZero() {
		s.ReconnectIn = max(0, time.Until(e.retryAt))
	}
	return s
}

// retired tells that the endpoint is out of service for good, unless it is because the connection closes.
func (e *endpoint) retired() {
	if e.conn.life.Err() != nil {
		return
	}
	e.mu.Lock()
	e.phase, e.link, e.err, e.retryAt = retired, nil, context.Cause(e.life), time.Time{}
	e.mu.Unlock()
	e.conn.rotation.signal()
	e.tell(Frozen)
	e.conn.opts.log.Info("etcd endpoint retired", e.logAttrs()...)
}

// discard gives up the endpoint's own use of a link.
func (e *endpoint) discard(l *link) {
	l.release()
	e.conn.tasks.Go(func() {
		l.closeWhenIdle(e.conn.life)
		e.forget(l)
	})
}

// activate puts a new link into service.
func (e *endpoint) activate(l *link) {
	e.mu.Lock()
	e.phase, e.link, e.aside, e.err = active, l, nil, nil
	e.via = l.addr.dial
	e.conn.rotation.add(l)
	e.endDead()
	e.mu.Unlock()
	if e.tell(Active) {
		e.conn.opts.log.Info("etcd endpoint active", e.logAttrs()...)
	} else {
		e.conn.opts.log.Debug("etcd endpoint reconnected", e.logAttrs()...)
	}
}

// freeze takes the endpoint out of service if l is its link in the rotation. With keepLast it stays if no other is there.
func (e *endpoint) freeze(l *link, cause error, keepLast bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.conn.rotation.remove(l, keepLast) {
		return
	}
	e.phase, e.link, e.err = frozen, nil, cause
	l.retire(cause)
	e.endDrained(cause)
	if servesLittle(cause) && e.life.Err() == nil {
		e.aside = newLink(e, l.transport)
	}
}

// spareLast says whether an error of an endpoint is no reason to freeze the last one in service. To have no leader is
// the state of the cluster rather than of the member where no other member is better off: while the cluster elects one,
// calls wait for it instead of failing.
func (c *Conn) spareLast(err error) bool {
	return c.opts.mode == ConnectAll && errors.Is(err, etcderr.ErrNoLeader)
}

// await records that an attempt has failed with err and that the next one comes after wait. It returns why the endpoint
// is frozen, as Info shows it.
func (e *endpoint) await(err error, wait time.Duration) error {
	e.mu.Lock()
	if e.phase == returning && !errors.Is(err, errLost) {
		e.endDrained(err)
		err = fmt.Errorf("%w: %w", errLost, err)
	}
	e.phase, e.err, e.retryAt = frozen, err, time.Now().Add(wait)
	e.mu.Unlock()
	e.conn.rotation.signal()
	level := slog.LevelDebug
	if e.tell(Frozen) {
		level = slog.LevelWarn
	}
	e.conn.opts.log.Log(context.Background(), level, "etcd endpoint frozen",
		append(e.logAttrs(), slog.Any("reason", err), slog.Duration("reconnect_in", wait))...)
	return err
}

// plan records when the next attempt is due.
func (e *endpoint) plan(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retryAt = at
}

// tell tells the state listener of a state, unless that is what it heard last, and reports whether it did.
func (e *endpoint) tell(s State) bool {
	if e.any && e.told == s {
		return false
	}
	e.any, e.told = true, s
	snapshot := e.snapshot()
	snapshot.State = s // a freeze may have come in between: the listener hears of that next
	if s == Active {
		snapshot.Err, snapshot.ReconnectIn = nil, 0
	}
	e.conn.listeners.tell(snapshot)
	return true
}

// doubt has the endpoint verified now: a call on it has been silent for suspiciously long, or failed in a way that
// casts doubt on it.
func (e *endpoint) doubt() {
	select {
	case e.suspect <- struct{}{}:
	default: // asked for already
	}
}

func (e *endpoint) logAttrs() []any {
	return []any{slog.String("connection", e.conn.name), slog.String("endpoint", e.addr.text)}
}
