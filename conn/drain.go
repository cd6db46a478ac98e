// SPDX-License-Identifier: Apache-2.0

package conn

import "slices"

// A transport ends in one of two ways. A server or load balancer retires it: a GOAWAY lets the calls and streams under way
// on it go on, and only new ones need another transport. Or its connection breaks, and they all end by themselves. In both
// cases the link leaves the rotation and is drained, and its endpoint is redialled at once: it is returning. If the redial
// fails, the endpoint is frozen and the streams end: a server that stops takes no connection, and waits for its streams.

// drain takes a link whose transport takes no more calls out of the rotation, unless its endpoint has been frozen before.
func (e *endpoint) drain(l *link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link != l {
		return
	}
	e.link, e.phase = nil, returning
	e.drained = append(e.drained, l)
	l.lose(errLost)
	e.conn.rotation.remove(l, false)
}

// endDead ends what is still under way on links that gave no sign of life, once there is another one: reads go there, and
// streams are opened again. The lock of the endpoint must be held.
func (e *endpoint) endDead() {
	for _, l := range e.drained {
		if l.dead.Load() {
			l.retire(errLost)
		}
	}
}

// endDrained ends the streams that go on on the drained links. The lock of the endpoint must be held.
func (e *endpoint) endDrained(cause error) {
	for _, l := range e.drained {
		l.retire(cause)
	}
	e.drained = nil
}

// forget forgets a drained link that has been closed.
func (e *endpoint) forget(l *link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drained = slices.DeleteFunc(e.drained, func(d *link) bool { return d == l })
}

// comingBack reports whether the endpoint, with nil any of the connection, is being redialled for the first time after the
// loss of its transport. The channel of rotation.watch tells when that is decided.
func (c *Conn) comingBack(e *endpoint) bool {
	if e != nil {
		return e.is(returning)
	}
	return c.searching.Load() || slices.ContainsFunc(c.all(), func(e *endpoint) bool { return e.is(returning) })
}

func (e *endpoint) is(p phase) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.phase == p
}
