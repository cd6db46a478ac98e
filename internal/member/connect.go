// SPDX-License-Identifier: Apache-2.0

package member

import "context"

// connector makes the attempts to get a link for an endpoint. One goroutine at a time may use it.
type connector struct {
	*Endpoint
	kept *transport // of the last attempt, where it is connected and may still get its answers; nil otherwise
}

// connect makes one attempt to get a link to a member that can take requests. A link to a healthy member that serves only what needs no
// leader is put aside until the next attempt.
func (c *connector) connect() (*Link, error) {
	aside := c.begin()
	if t := c.kept; t != nil {
		c.kept = nil
		return c.again(t)
	}
	if aside != nil {
		aside.unfit = verify(c.life, aside.transport, c.group.Config, c.group.ConnectTimeout)
		if aside.unfit == nil {
			return aside, nil
		}
		if servesLittle(aside.unfit) {
			return nil, aside.unfit
		}
		c.dismiss()
	}
	t, err := c.reach()
	if err != nil {
		return nil, err
	}
	return c.take(t)
}

// take makes a link of a transport, or keeps it for the next attempt.
func (c *connector) take(t *transport) (*Link, error) {
	switch {
	case t.unfit == nil:
		return newLink(c.Endpoint, c.group.Config, t), nil
	case servesLittle(t.unfit):
		c.putAside(t)
	default: // the answers are late
		c.kept = t
	}
	return nil, t.unfit
}

// lateMax is how many attempts over one transport may be late before it is closed. Each has twice the time of the one before.
const lateMax = 3

// again asks the member once more over the transport of the last attempt, and gives it more time. A member to which all its clients come
// back at once needs longer than usual. If each of them gave up after the same time and made another connection, which costs the
// member more than the answers, none might ever be in time. After lateMax attempts another connection is made all the same, since a load
// balancer may lead it to another server. If not one byte has come, another connection is made at once.
func (c *connector) again(t *transport) (*Link, error) {
	received := t.wire.received.Load()
	t.unfit = verify(c.life, t, c.group.Config, c.group.ConnectTimeout<<t.late)
	if tooLate(t.unfit) {
		t.late++
	}
	alive := t.line.up() && t.wire.received.Load() != received
	if t.unfit == nil || servesLittle(t.unfit) || tooLate(t.unfit) && t.late < lateMax && alive {
		return c.take(t)
	}
	t.line.close()
	return nil, t.unfit
}

// reach connects to the member by one of its addresses. It begins with the address that worked last. If there is only one, and the member
// is late with its answers, reach returns the connection all the same: the next attempt asks again over it. With several addresses the
// next attempt tries all of them again, since one may lead to the member past a proxy that answers nothing.
func (c *connector) reach() (*transport, error) {
	ways := c.ways()
	return race(c.life, len(ways), c.group.attemptTimeout(), func(parent context.Context, i int) (*transport, error) {
		t, err := c.reachBy(parent, ways[i])
		if err == nil && tooLate(t.unfit) && len(ways) > 1 {
			t.line.close()
			return nil, t.unfit
		}
		return t, err
	}, func(t *transport) { t.line.close() })
}

// reachBy connects to the member at one address.
func (c *connector) reachBy(parent context.Context, a Address) (*transport, error) {
	w := new(wire)
	to, err := dial(a, c.group, w)
	if err != nil {
		return nil, err
	}
	t := newTransport(to, a, w)
	t.unfit = verify(parent, t, c.group.Config, c.group.ConnectTimeout)
	switch {
	case t.unfit == nil, servesLittle(t.unfit) && parent.Err() == nil:
		return t, nil
	case tooLate(t.unfit) && to.up():
		t.late = 1
		return t, nil
	}
	to.close()
	return nil, below(t.unfit, w, a)
}

// dismiss discards the link that is aside, if there is one, and the transport that is kept.
func (c *connector) dismiss() {
	if c.kept != nil {
		c.kept.line.close()
		c.kept = nil
	}
	if l := c.takeAside(); l != nil {
		l.retire(ErrLost)
		c.discard(l)
	}
}

// discard ends the endpoint's own use of a link.
func (c *connector) discard(l *Link) {
	l.letGo()
	c.group.Life.Fork(func() {
		l.closeWhenIdle(c.group.Life)
		l.retire(ErrLost) // nobody uses it, so this only lets go of its contexts
		c.forget(l)
	})
}
