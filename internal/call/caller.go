// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/internal/connerr"
)

// Caller makes the unary calls of one connection. Its methods are safe for concurrent use.
type Caller struct {
	pool   pool
	within *lives // the links outlive the connection, so its end must end the calls under way; nil where they do not
}

// New makes the Caller of a connection.
func New(c Config) *Caller { return newCaller(newCommon(c)) }

// Derive makes the Caller of a connection that shares the budget and all else with this one, but finds links for itself, and has a
// life of its own.
func (c *Caller) Derive(links Links, life context.Context) *Caller {
	shared := *c.pool.shared
	shared.Links, shared.Life = links, life
	derived := newCaller(&shared)
	derived.within = livesOf(life)
	return derived
}

func newCaller(shared *common) *Caller {
	caller := &Caller{pool: pool{shared: shared}}
	caller.pool.hedge = func(u *unary) { hedgeSilence(u, &caller.pool) }
	return caller
}

// Limits returns the connection's limits on the sizes of messages.
func (c *Caller) Limits() Limits { return c.pool.shared.limits() }

// Budget returns how many extra requests the budget of the connection has left, and how many a full one has.
func (c *Caller) Budget() (left, full int) { return c.pool.shared.budget.left() }

// Call makes a unary call, as package conn documents Invoke.
func (c *Caller) Call(parent context.Context, method string, args, reply any, o Options) error {
	if parent == nil {
		return connerr.ErrNilContext
	}
	u := c.pool.get(traitsOf(method, args))
	u.parent, u.method, u.args, u.reply, u.options = parent, method, args, reply, o
	u.deadline = c.deadline(parent, o.Timeout, u.traits)
	ctx := u.context(parent)
	if c.within != nil {
		return c.runWithin(c.within.one(), ctx, u)
	}
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

// runWithin runs a call that ends with its caller's context or with the life of the connection, whichever is first.
func (c *Caller) runWithin(life, ctx context.Context, u *unary) error {
	var stop func() bool
	if u.parent.Done() != nil {
		stop = context.AfterFunc(u.parent, u.abort)
	}
	leave := context.AfterFunc(life, u.abort)
	err := u.run(ctx)
	if stop != nil && !stop() {
		u.spoilt = true
	}
	if !leave() {
		u.spoilt = true
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
