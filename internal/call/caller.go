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

	batches *batch.Batches  // nil without batching
	codec   grpc.CallOption // of the trips, and of the reads that could travel in them unless there are dial options
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
		caller.codec = grpc.ForceCodecV2(batch.NewCodec())
		caller.batches = batch.New(batch.Config{
			Send: caller.trip, Go: shared.Go, Observed: shared.Hooks.ObserveAttempts(), Private: !shared.shown(),
		})
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
		if r, answer, ok := joinable(method, args, reply, &o); ok {
			_, err := c.together(parent, deadline, r, answer, o)
			return err
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
	defer stop() // where an interceptor panics, or ends the goroutine
	err := u.run(ctx)
	if !stop() {
		u.spoilt = true // parent has ended: the context is cancelled, or is about to be
	}
	c.pool.put(u)
	return err
}

// runWithin runs a call that ends with its caller's context or with the life of the connection, whichever is first.
func (c *Caller) runWithin(life, ctx context.Context, u *unary) error {
	stop := func() bool { return true }
	if u.parent.Done() != nil {
		stop = context.AfterFunc(u.parent, u.abort)
	}
	defer stop() // where an interceptor panics, or ends the goroutine
	leave := context.AfterFunc(life, u.abort)
	defer leave()
	err := u.run(ctx)
	if !stop() {
		u.spoilt = true
	}
	if !leave() {
		u.spoilt = true
	}
	c.pool.put(u)
	return err
}

// Read reads a key as Call does, without a message where none is needed. A program that makes many calls at the same time mostly makes this
// one.
func (c *Caller) Read(parent context.Context, r Read, timeout time.Duration, t *hook.Trace) (*pb.RangeResponse, error) {
	if parent == nil {
		return nil, connerr.ErrNilContext
	}
	deadline, o := c.deadline(parent, timeout, read), Options{Target: Target{Timeout: timeout}, Trace: t}
	if c.batches != nil && parent.Err() == nil && r.Fits() {
		return c.together(parent, deadline, r, nil, o)
	}
	return c.alone(parent, deadline, r, nil, o)
}

// together makes a read of one key, in company if others are under way. The answer is in reply, unless that is nil.
func (c *Caller) together(
	parent context.Context, deadline time.Time, r Read, reply *pb.RangeResponse, o Options,
) (*pb.RangeResponse, error) {
	answer, ride, err := c.batches.Get(parent, deadline, r, reply)
	alone := answer == nil && err == nil
	if !alone || ride.Attempts > 0 {
		o.Trace.Rode(ride.Endpoint, ride.Attempts, ride.Hedged)
	}
	switch {
	case alone:
		return c.apart(parent, deadline, r, reply, o)
	case err != nil:
		return nil, c.unread(parent, deadline, r, err)
	default:
		return answer, nil
	}
}

// apart makes a read for which there was no company.
func (c *Caller) apart(
	parent context.Context, deadline time.Time, r Read, reply *pb.RangeResponse, o Options,
) (answer *pb.RangeResponse, err error) {
	began := time.Now()
	err = hook.ErrCutOff // if parent, which is the user's code, panics
	defer func() { c.batches.Back(r, answer, time.Since(began), err) }()
	if len(c.pool.shared.Dial) == 0 { // otherwise the user may have a codec there
		o.Codec = c.codec
	}
	return c.alone(parent, deadline, r, reply, o)
}

// alone makes a read that travels alone.
func (c *Caller) alone(
	parent context.Context, deadline time.Time, r Read, reply *pb.RangeResponse, o Options,
) (*pb.RangeResponse, error) {
	if reply == nil {
		reply = new(pb.RangeResponse)
	}
	if err := c.single(parent, deadline, read, pb.KV_Range_FullMethodName, r.Request(), reply, o); err != nil {
		return nil, err
	}
	return reply, nil
}

// unread returns the error of a read whose trip has brought no answer.
func (c *Caller) unread(parent context.Context, deadline time.Time, r Read, err error) error {
	var left *batch.Left
	switch {
	case errors.As(err, &left):
		return abandoned(parent, c.pool.shared.Links, deadline, r.Request(), left)
	case err == connerr.ErrClosed: // the trip could not leave
		return etcderr.FromRPC(err, etcderr.Call{Method: pb.KV_Range_FullMethodName, Cause: err})
	default:
		return err
	}
}

// trip makes the call that carries several reads. Errors name the RPC that the riders called.
func (c *Caller) trip(
	parent context.Context, riders []context.Context, deadline time.Time, kind batch.Kind, request *batchpb.Reads, answer *batch.Answers,
	p *batch.Progress,
) error {
	u := c.pool.get(read)
	u.parent, u.method, u.path, u.args, u.reply = parent, pb.KV_Range_FullMethodName, pb.KV_Txn_FullMethodName, request, answer
	u.options = Options{
		Aside: kind == batch.Serializable, ToLeader: kind == batch.Linearizable, Own: true, Codec: c.codec,
		Trace: u.shared.Hooks.Trip(u.shared.Connection, pb.KV_Txn_FullMethodName, riders),
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
