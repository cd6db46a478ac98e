// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"time"
)

// keep connects the endpoint, looks after it and reconnects it, forever. verdict hears how each attempt ended.
func (e *endpoint) keep(life context.Context, verdict func(error)) {
	defer e.dismiss()
	pace := e.conn.newPace(e.hurried)
	for {
		pace.attempt()
		l, err := e.connect()
		if err == nil {
			pace.backoff.Reset()
			since := time.Now()
			e.activate(l)
			verdict(nil)
			err = e.attend(l)
			if e.is(returning) && pace.redial(life, l, since) {
				continue
			}
		}
		if life.Err() != nil {
			e.retired()
			verdict(err)
			return
		}
		wait := nextWait(pace.backoff)
		err = e.await(err, wait)
		verdict(err) // once Info has the reason
		if !pace.rest(life, wait, e.plan) {
			e.retired()
			return
		}
	}
}

// connect makes one attempt to get a link on which the member proves that it can take requests. The link to one that is
// well, but can serve little now, is put aside until the next attempt.
func (e *endpoint) connect() (*link, error) {
	e.mu.Lock()
	e.retryAt = time.Time{}
	aside := e.aside
	e.mu.Unlock()
	if aside != nil {
		err := aside.verify(e.life, e.conn)
		if err == nil {
			return aside, nil
		}
		if servesLittle(err) {
			return nil, err
		}
		e.dismiss()
	}
	t, err := e.reach()
	switch {
	case err != nil:
		return nil, err
	case t.littleFor != nil:
		e.putAside(t)
		return nil, t.littleFor
	}
	return newLink(e, t), nil
}

// reach connects to the member, by whichever of its addresses leads to it, beginning with the one that did so last.
func (e *endpoint) reach() (*transport, error) {
	ways := e.ways()
	return race(e.life, len(ways), e.conn.opts.attemptTimeout(), func(parent context.Context, i int) (*transport, error) {
		return e.reachBy(parent, ways[i])
	}, func(late *transport) { _ = late.cc.Close() })
}

// reachBy connects to the member at one address.
func (e *endpoint) reachBy(parent context.Context, a address) (*transport, error) {
	w := new(wire)
	cc, err := dial(a, e.conn.opts, e.conn.tokens, w)
	if err != nil {
		return nil, err
	}
	cc.Connect()
	t := newTransport(cc, a, w)
	err = t.verify(parent, e.conn)
	if err == nil || servesLittle(err) && parent.Err() == nil {
		t.littleFor = err
		return t, nil
	}
	_ = cc.Close()
	return nil, below(err, w, a)
}

// attend looks after a link in service until it leaves the rotation, and returns why it did.
func (e *endpoint) attend(l *link) error {
	c := e.conn
	c.tasks.Go(func() {
		if l.lost(l.up) {
			e.drain(l)
		}
	})
	check := time.NewTicker(c.opts.checkInterval)
	defer check.Stop()
	for l.up.Err() == nil {
		select {
		case <-l.up.Done():
			continue
		case <-check.C:
		case <-e.suspect:
		}
		if err := c.examine(l); err != nil && l.up.Err() == nil {
			e.freeze(l, err, c.spareLast(err))
		}
	}
	c.rotation.remove(l, false) // where the connection is closing, nobody took it out
	if !e.isAside(l) {
		e.discard(l)
	}
	return context.Cause(l.up)
}
