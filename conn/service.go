// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/member"
)

// services is what the packages on top of a connection keep with it.
type services struct {
	mu   sync.Mutex
	kept map[any]any
}

// Attach returns the one value that this connection keeps under key, made by create when it is first asked for. It is
// where a service package keeps what its users share on one connection. create must not call Attach.
func (c *Conn) Attach(key any, create func() any) any {
	c.services.mu.Lock()
	defer c.services.mu.Unlock()
	v, ok := c.services.kept[key]
	if !ok {
		v = create()
		if c.services.kept == nil {
			c.services.kept = map[any]any{}
		}
		c.services.kept[key] = v
	}
	return v
}

// Go runs f on a goroutine that belongs to the connection: life ends, with the cause ErrClosed, when the connection
// closes, and Close waits for f to return. On a closed connection it returns ErrClosed and does not run f.
func (c *Conn) Go(f func(life context.Context)) error { return c.life.Go(f) }

// CountLeases adds n to the number of leases that Info shows as kept alive through an endpoint.
func (c *Conn) CountLeases(address string, n int) {
	if e := c.set.Find(address); e != nil {
		e.CountLeases(n)
	}
}

// DefaultTimeout returns how long a call may take for which nobody sets a time; see [WithDefaultTimeout].
func (c *Conn) DefaultTimeout() time.Duration { return c.opts.defaultTimeout }

// Spelling returns an endpoint's address as [Info] has it, for any spelling of it. What is no endpoint of the connection
// is returned as it is. It never blocks and is safe for concurrent use.
func (c *Conn) Spelling(address string) string {
	if e := c.set.Find(address); e != nil {
		return e.Address()
	}
	return address
}

// Renewable reports whether an error says no more than that the token is not valid any more, for which the connection gets
// another one: it has credentials, and they may still be good. It is for service packages, which tell by it whether a stream
// can be resumed.
func (c *Conn) Renewable(err error) bool { return c.tokens.Refused(&member.Token{}, err) }
