// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// oncePatience is for how long a member may leave KeepAliveOnce without an answer before another one is asked. It doubles with
// each member. A proxy may take half a second.
const oncePatience = 750 * time.Millisecond

// KeepAliveOnce renews a lease once. It asks one member after the other until one answers. A lease that is gone is
// [etcderr.ErrLeaseNotFound], after 250 ms as with [KeepAlive]. If a member was asked and did not answer, the outcome is
// [etcderr.Unknown]: the lease may have been renewed. KeepAliveOnce can be repeated safely. It calls Lease/LeaseKeepAlive.
func KeepAliveOnce(parent context.Context, c Request, id int64) (*pb.LeaseKeepAliveResponse, error) {
	to, at, err := destination(parent, c)
	if err != nil {
		return nil, err
	}
	timeout, given := sealed.Ctx(c).Timeout()
	if _, bounded := parent.Deadline(); !given && !bounded {
		timeout, given = to.DefaultTimeout(), true
	}
	bounded := parent
	if given {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(parent, timeout)
		defer cancel()
	}
	life, end := context.WithCancelCause(bounded)
	defer end(nil)
	o := once{id: id, patience: oncePatience}
	err = at.stream(to).Run(life, o.serve, func(err error) {
		o.last = err
		if resume.Outage(err) {
			end(err)
		}
	})
	switch {
	case err == nil && o.answer.TTL <= 0:
		return nil, notFound(pb.Lease_LeaseKeepAlive_FullMethodName, o.endpoint)
	case err == nil:
		return o.answer, nil
	case bounded.Err() != nil && !resume.Outage(err):
		return nil, o.ended(bounded)
	default:
		return nil, o.failed(err)
	}
}

// once is a call of KeepAliveOnce.
type once struct {
	id       int64
	patience time.Duration
	sent     bool   // a renewal was sent
	lost     bool   // a renewal was sent and may have been taken, though no answer came
	endpoint string // the last one that was asked
	last     error  // what the last attempt met
	answer   *pb.LeaseKeepAliveResponse
}

// serve asks one member, and asks it again where it says that the lease is gone.
func (o *once) serve(ctx context.Context, stream engine.Stream) error {
	o.endpoint = stream.Endpoint()
	err := o.ask(stream)
	for _, pause := range doubts {
		if err != nil || o.answer.TTL > 0 {
			break
		}
		if !wait.For(ctx, pause) {
			return nil // the last answer is valid
		}
		err = o.ask(stream)
	}
	return err
}

// ask makes one attempt.
func (o *once) ask(stream engine.Stream) error {
	var (
		answered = make(chan struct{})
		watching sync.WaitGroup
		quiet    bool
	)
	watching.Go(func() {
		if quiet = silent(answered, o.patience); quiet {
			stream.Doubt()
			stream.Abort()
		}
	})
	o.sent = true
	// Where the request cannot be sent, RecvMsg tells why.
	_ = stream.SendMsg(&pb.LeaseKeepAliveRequest{ID: o.id})
	answer := new(pb.LeaseKeepAliveResponse)
	err := stream.RecvMsg(answer)
	close(answered)
	watching.Wait()
	if err == nil {
		o.answer = answer
		return nil
	}
	if quiet {
		err = &silence{endpoint: o.endpoint, lasted: o.patience}
		o.patience *= 2
	}
	o.lost = o.lost || etcderr.OutcomeOf(err) == etcderr.Unknown
	return err
}

// ended is the error of a call whose time was up. It holds what the last attempt met, and why there is no further one.
func (o *once) ended(bounded context.Context) error {
	cause := tell.Ended(bounded)
	var last *etcderr.Error
	if !o.lost && errors.As(o.last, &last) {
		return last.WithCause(cause)
	}
	return etcderr.FromRPC(bounded.Err(), etcderr.Call{
		Method: pb.Lease_LeaseKeepAlive_FullMethodName, Endpoint: o.endpoint, Sent: o.sent, Cause: cause, Before: o.last,
	})
}

// failed is the error of a call that ended with err. Where an earlier attempt may have renewed the lease, the outcome is
// unknown, although err says that its own attempt had no effect.
func (o *once) failed(err error) error {
	if !o.lost || etcderr.OutcomeOf(err) == etcderr.Unknown {
		return err
	}
	return etcderr.FromRPC(status.Error(codes.Unavailable, "a renewal was sent and not answered"), etcderr.Call{
		Method: pb.Lease_LeaseKeepAlive_FullMethodName, Endpoint: o.endpoint, Sent: true, Cause: err,
	})
}
