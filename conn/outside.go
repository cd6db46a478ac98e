// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"

	"github.com/eetcd-go/eetcd/internal/refusal"
)

// outside acquires a link for one call to an address that the connection does not use: a member that the member list or the
// caller names can be asked for its status, or for a snapshot, whether it is an endpoint or not. The link is dialled as those
// of the endpoints are, and closed after the call.
func (c *Conn) outside(address string) (*link, error) {
	a, err := parseAddress(address, c.opts.tls != nil)
	if err == nil && a.secure != c.secure {
		err = errors.New("the scheme does not match the transport of the connection") // a token might go in the clear
	}
	if err != nil {
		return nil, badEndpoint(address, err)
	}
	e := newEndpoint(c, a)
	w := new(wire)
	cc, err := dial(a, c.opts, c.tokens, w)
	if err != nil {
		e.retire(err)
		return nil, err
	}
	l := newLink(e, newTransport(cc, a, w)) // whose one user is the caller
	l.outside = true
	if err := c.Go(func(life context.Context) {
		l.closeWhenIdle(life)
		e.retire(errLost)
	}); err != nil {
		_ = cc.Close()
		e.retire(err)
		return nil, refusal.Closed(c.name)
	}
	return l, nil
}
