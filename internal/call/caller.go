// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/connerr"
)

// Caller makes the unary calls of one connection. Its methods are safe for concurrent use.
type Caller struct{ pool pool }

// New makes the Caller of a connection.
func New(c Config) *Caller {
	caller := &Caller{pool{shared: newCommon(c)}}
	caller.pool.hedge = func(u *unary) { hedgeSilence(u, &caller.pool) }
	return caller
}

// Limits returns the connection's limits on the sizes of messages.
func (c *Caller) Limits() Limits { return c.pool.shared.limits() }

// Invoke makes a unary call, as package conn documents it.
func (c *Caller) Invoke(parent context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if parent == nil {
		return connerr.ErrNilContext
	}
	var o Options
	if len(opts) > 0 {
		var err error
		if o, err = Split(opts); err != nil {
			return err
		}
	}
	u := c.pool.get(traitsOf(method, args))
	u.parent, u.method, u.args, u.reply, u.options = parent, method, args, reply, o
	u.deadline = c.deadline(parent, o.Timeout, u.traits)
	ctx := u.context(parent)
	if parent.Done() == nil {
		err := u.run(ctx)
		c.pool.put(u)
		return err
	}
	stop := context.AfterFunc(parent, u.abort)
	err := u.run(ctx)
	if !stop() {
		u.spoilt = true // parent has ended: the context is cancelled, or is about to be
	}
	c.pool.put(u)
	return err
}

// deadline returns when a call ends, or zero if nothing bounds it.
func (c *Caller) deadline(parent context.Context, timeout time.Duration, t traits) time.Time {
	deadline, ok := parent.Deadline()
	switch {
	case timeout > 0:
	case ok, t&unbounded != 0:
		return deadline
	default:
		timeout = c.pool.shared.DefaultTimeout
	}
	if own := time.Now().Add(timeout); !ok || own.Before(deadline) {
		return own
	}
	return deadline
}
