// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/batchpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/batch"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/hook"
	"github.com/eetcd-go/eetcd/internal/life"
)

// Caller makes the unary calls of one connection. Its methods are safe for concurrent use.
type Caller struct {
	pool   pool
	within *lives // the links outlive the connection, so its end must end the calls under way; nil where they do not

	batches *batch.Batches    // nil without batching
	codec   []grpc.CallOption // of the trips
}

// New makes the Caller of a connection.
func New(c Config) *Caller { return newCaller(newCommon(c)) }

// Derive makes the Caller of a connection that shares the budget and all else with this one, but has a name and a life of its own, and
// finds links for itself.
func (c *Caller) Derive(connection string, links Links, life *life.Life) *Caller {
	shared := *c.pool.shared
	shared.Connection = connection
	shared.Links, shared.Life, shared.Go = links, life.Context, life.Go
	derived := newCaller(&shared)
	derived.within = livesOf(life.Context)
	return derived
}

func newCaller(shared *common) *Caller {
	caller := &Caller{pool: pool{shared: shared}}
	caller.pool.hedge = func(u *unary) { hedgeSilence(u, &caller.pool) }
	if shared.Batching {
		caller.codec = []grpc.CallOption{grpc.ForceCodecV2(batch.NewCodec())}
		caller.batches = batch.New(batch.Config{Send: caller.trip, Go: shared.Go, Observed: shared.Hooks.ObserveAttempts()})
	}
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
	t := traitsOf(method, args)
	deadline := c.deadline(parent, o.Timeout, t)
	if c.batches != nil && parent.Err() == nil {
		if request, answer, ok := joinable(method, args, reply, &o); ok {
			return c.read(parent, deadline, request, answer, o)
		}
	}
	return c.single(parent, deadline, t, method, args, reply, o)
}

// single makes a call that travels alone.
func (c *Caller) single(
	parent context.Context, deadline time.Time, t traits, method string, args, reply any, o Options,
) error {
	u := c.pool.get(t)
	u.parent, u.method, u.path, u.args, u.reply, u.options = parent, method, method, args, reply, o
	u.deadline = deadline
	return c.run(u)
}

// run makes the call, and keeps u for another one.
func (c *Caller) run(u *unary) error {
	ctx := u.context(u.parent)
	if c.within != nil {
		return c.runWithin(c.within.one(), ctx, u)
	}
	if u.parent.Done() == nil {
		err := u.run(ctx)
		c.pool.put(u)
		return err
	}
	stop := context.AfterFunc(u.parent, u.abort)
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

// read makes a read of one key, in company if others are under way.
func (c *Caller) read(
	parent context.Context, deadline time.Time, request *pb.RangeRequest, reply *pb.RangeResponse, o Options,
) (err error) {
	ride, alone, err := c.batches.Get(parent, deadline, request, reply)
	if !alone || ride.Attempts > 0 {
		o.Trace.Rode(ride.Endpoint, ride.Attempts, ride.Hedged)
	}
	if alone {
		began := time.Now()
		err = hook.ErrCutOff // if parent, which is the user's code, panics
		defer func() { c.batches.Back(request, reply, time.Since(began), err) }()
		return c.single(parent, deadline, read, pb.KV_Range_FullMethodName, request, reply, o)
	}
	if err == nil {
		return nil
	}
	var left *batch.Left
	switch {
	case errors.As(err, &left):
		return abandoned(parent, c.pool.shared.Links, deadline, request, left)
	case err == connerr.ErrClosed: // the trip could not leave
		return etcderr.FromRPC(err, etcderr.Call{Method: pb.KV_Range_FullMethodName, Cause: err})
	default:
		return err
	}
}

// trip makes the call that carries several reads. Errors name the RPC that the riders called.
func (c *Caller) trip(
	parent context.Context, riders []context.Context, deadline time.Time, kind batch.Kind, request *batchpb.Reads, answer *batchpb.Answers,
	p *batch.Progress,
) error {
	u := c.pool.get(read)
	u.parent, u.method, u.path, u.args, u.reply = parent, pb.KV_Range_FullMethodName, pb.KV_Txn_FullMethodName, request, answer
	u.options = Options{
		Aside: kind == batch.Serializable, Own: true, Codec: c.codec, Trace: u.shared.Hooks.Trip(u.shared.Connection, pb.KV_Txn_FullMethodName, riders),
	}
	u.deadline, u.progress = deadline, p
	return c.run(u)
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
