// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// oncePatience is for how long a member may leave KeepAliveOnce without an answer before another one is asked. It
// doubles from one member to the next. A proxy may take half a second.
const oncePatience = 750 * time.Millisecond

// KeepAliveOnce renews a lease once. It is asked of one member after the other until one answers. A lease that is gone
// is [etcderr.ErrLeaseNotFound], which takes 250 ms as it does with [KeepAlive]. It calls Lease/LeaseKeepAlive.
func KeepAliveOnce(parent context.Context, c Request, id int64) (*pb.LeaseKeepAliveResponse, error) {
	to, at, err := destination(parent, c)
	if err != nil {
		return nil, err
	}
	timeout, given := c.Timeout()
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
		return nil, err
	}
}

// once is a call of KeepAliveOnce.
type once struct {
	id       int64
	patience time.Duration
	sent     bool
	endpoint string // that it was sent to last
	last     error  // of the attempts so far
	answer   *pb.LeaseKeepAliveResponse
}

// serve asks one member, more than once where it says that the lease is gone.
func (o *once) serve(ctx context.Context, stream engine.Stream) error {
	o.endpoint = stream.Endpoint()
	err := o.ask(stream)
	for _, pause := range doubts {
		if err != nil || o.answer.TTL > 0 {
			break
		}
		select {
		case <-time.After(pause):
			err = o.ask(stream)
		case <-ctx.Done():
			return nil // the answer stands
		}
	}
	return err
}

// ask makes one attempt.
func (o *once) ask(stream engine.Stream) error {
	var (
		answered = make(chan struct{})
		watching sync.WaitGroup
		lost     bool
	)
	watching.Go(func() {
		if lost = silent(answered, o.patience); lost {
			stream.Doubt()
			stream.Abort()
		}
	})
	o.sent = true
	// A request that cannot be sent is told of when receiving.
	_ = stream.SendMsg(&pb.LeaseKeepAliveRequest{ID: o.id})
	answer := new(pb.LeaseKeepAliveResponse)
	err := stream.RecvMsg(answer)
	close(answered)
	watching.Wait()
	if err == nil {
		o.answer = answer
		return nil
	}
	if lost {
		err = &silence{endpoint: o.endpoint, lasted: o.patience}
		o.patience *= 2
	}
	return err
}

// ended is the error of a call whose time was up: that of its last attempt, where there was one, and why there is no
// further one.
func (o *once) ended(bounded context.Context) error {
	err := bounded.Err()
	var last *etcderr.Error
	if errors.As(o.last, &last) {
		err = last.GRPCStatus().Err()
	}
	return etcderr.FromRPC(err, etcderr.Call{
		Method: pb.Lease_LeaseKeepAlive_FullMethodName, Endpoint: o.endpoint, Sent: o.sent, Cause: tell.Ended(bounded),
	})
}
