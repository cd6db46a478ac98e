// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
)

var (
	errConnecting = errors.New("not connected yet")
	errStandby    = errors.New("on standby: mode Random connects to one endpoint at a time")
)

// endpoint is one address of a connection. One goroutine connects it, looks after it and reconnects it; any goroutine
// may freeze it. Its lock is never held across anything that blocks.
type endpoint struct {
	conn    *Conn
	addr    address
	leases  atomic.Int64
	suspect chan struct{}           // holds one request to verify the endpoint now
	life    context.Context         // ends with the connection, or when the endpoint is retired
	retire  context.CancelCauseFunc // it does not end the calls under way

	mu      sync.Mutex
	link    *link     // nil while Frozen
	aside   *link     // to a learner: for what is sent to this endpoint alone
	err     error     // why it is Frozen
	retryAt time.Time // of the next attempt to reconnect; zero while one is under way

	told State // what the state listener heard last
	any  bool  // whether it heard anything; both belong to the goroutine that looks after the endpoint
}

func newEndpoint(c *Conn, a address) *endpoint {
	e := &endpoint{conn: c, addr: a, suspect: make(chan struct{}, 1), err: errConnecting}
	e.life, e.retire = context.WithCancelCause(c.life)
	return e
}

// snapshot is the endpoint as Info shows it.
func (e *endpoint) snapshot() Endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Endpoint{Name: e.conn.name, Address: e.addr.text, State: Frozen, Leases: int(e.leases.Load()), Err: e.err}
	if e.link != nil {
		s.State, s.Err = Active, nil
	} else if !e.retryAt.IsZero() {
		s.ReconnectIn = max(0, time.Until(e.retryAt))
	}
	return s
}

// keep connects the endpoint and reconnects it for ever. verdict hears how each attempt ended.
func (e *endpoint) keep(life context.Context, verdict func(error)) {
	defer e.dismiss()
	pause := e.conn.opts.pause()
	for {
		l, err := e.connect(life)
		if err == nil {
			pause.Reset()
			e.activate(l)
			verdict(nil)
			err = e.attend(life, l)
		}
		if life.Err() != nil {
			e.retired()
			verdict(err)
			return
		}
		wait := nextWait(pause)
		e.await(err, wait)
		verdict(err) // once Info has the reason
		if !sleep(life, wait) {
			e.retired()
			return
		}
	}
}

// retired tells that the endpoint is out of service for good, unless it is because the connection closes.
func (e *endpoint) retired() {
	if e.conn.life.Err() != nil {
		return
	}
	e.mu.Lock()
	e.link, e.err, e.retryAt = nil, context.Cause(e.life), time.Time{}
	e.mu.Unlock()
	e.tell(Frozen)
	e.conn.opts.log.Info("etcd endpoint retired", e.logAttrs()...)
}

// connect makes one attempt to get a link on which the member proves that it can take requests. That to a learner, which
// cannot take most, is put aside until the next attempt.
func (e *endpoint) connect(life context.Context) (*link, error) {
	e.mu.Lock()
	e.retryAt = time.Time{}
	aside := e.aside
	e.mu.Unlock()
	if aside != nil {
		err := verify(life, aside.cc, e.conn.tokens, e.conn.opts.connectTimeout)
		if err == nil {
			return aside, nil
		}
		if errors.Is(err, etcderr.ErrNotSupportedForLearner) {
			return nil, err
		}
		e.dismiss()
	}
	var under transportErrors
	cc, err := dial(e.addr, e.conn.opts, e.conn.tokens, &under)
	if err != nil {
		return nil, err
	}
	cc.Connect()
	if err := verify(life, cc, e.conn.tokens, e.conn.opts.connectTimeout); err != nil {
		if errors.Is(err, etcderr.ErrNotSupportedForLearner) && e.conn.opts.mode == ConnectAll {
			e.mu.Lock()
			e.aside = newLink(life, e, cc)
			e.mu.Unlock()
			return nil, err
		}
		_ = cc.Close()
		return nil, below(err, &under, e.addr)
	}
	return newLink(life, e, cc), nil
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

// discard gives up the endpoint's own use of a link.
func (e *endpoint) discard(l *link) {
	l.release()
	e.conn.tasks.Go(func() { l.closeWhenIdle(e.conn.life) })
}

// activate puts a new link into service.
func (e *endpoint) activate(l *link) {
	e.mu.Lock()
	e.link, e.aside, e.err = l, nil, nil
	e.mu.Unlock()
	e.conn.rotation.add(l)
	e.tell(Active)
	e.conn.opts.log.Info("etcd endpoint active", e.logAttrs()...)
}

// freeze takes the endpoint out of service if l is still its link. With keepLast it stays if no other is in service.
func (e *endpoint) freeze(l *link, cause error, keepLast bool) {
	if !e.conn.rotation.remove(l, keepLast) {
		return
	}
	e.mu.Lock()
	e.link, e.err = nil, cause
	e.mu.Unlock()
	l.retire(cause)
}

// attend looks after a link in service until it is frozen, and returns why it was.
func (e *endpoint) attend(life context.Context, l *link) error {
	c := e.conn
	c.tasks.Go(func() {
		if l.lost(l.service) {
			e.freeze(l, errLost, false)
		}
	})
	check := time.NewTicker(c.opts.checkInterval)
	defer check.Stop()
	for l.service.Err() == nil {
		select {
		case <-l.service.Done():
			continue
		case <-check.C:
		case <-e.suspect:
		}
		if err := c.examine(l); err != nil && l.service.Err() == nil {
			e.freeze(l, err, c.spareLast(err))
		}
	}
	c.rotation.remove(l, false) // where the connection is closing, nobody froze it
	e.discard(l)
	return context.Cause(l.service)
}

// spareLast says whether an error of an endpoint is no reason to freeze the last one in service. To have no leader is
// the state of the cluster rather than of the member where no other member is better off: while the cluster elects one,
// calls wait for it instead of failing.
func (c *Conn) spareLast(err error) bool {
	return c.opts.mode == ConnectAll && errors.Is(err, etcderr.ErrNoLeader)
}

// await records that the endpoint is Frozen for err until the next attempt.
func (e *endpoint) await(err error, wait time.Duration) {
	e.mu.Lock()
	e.err, e.retryAt = err, time.Now().Add(wait)
	e.mu.Unlock()
	level := slog.LevelDebug
	if e.tell(Frozen) {
		level = slog.LevelWarn
	}
	e.conn.opts.log.Log(context.Background(), level, "etcd endpoint frozen",
		append(e.logAttrs(), slog.Any("reason", err), slog.Duration("reconnect_in", wait))...)
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
