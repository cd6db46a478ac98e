// SPDX-License-Identifier: Apache-2.0

package member

import "context"

// outside acquires a link for one call to an address that the connection does not use. It is dialled like the
// endpoints, and closed after the call. On a closed connection outside returns ErrClosed.
func outside(g *group, a Address) (*Link, error) {
	e := newEndpoint(g, a)
	w := new(wire)
	to, err := dial(a, g, w)
	if err != nil {
		e.end(err)
		return nil, err
	}
	l := newLink(e, g.Config, newTransport(to, a, w))
	l.idle = make(chan struct{}) // its one user is the caller
	l.outside = true
	err = g.Life.Go(func(life context.Context) {
		l.closeWhenIdle(life)
		e.end(ErrLost)
	})
	if err != nil {
		to.close()
		e.end(err)
		return nil, err
	}
	return l, nil
}
