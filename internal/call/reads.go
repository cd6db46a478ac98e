// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"errors"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/batchpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/batch"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// joinable reports whether a call is a read that may travel with others. Reads with options of their own go alone.
func joinable(method string, args, reply any, o *Options) (*pb.RangeRequest, *pb.RangeResponse, bool) {
	if method != pb.KV_Range_FullMethodName || o.Pinned || o.Aside || len(o.Rest) > 0 {
		return nil, nil, false
	}
	request, ours := args.(*pb.RangeRequest)
	answer, too := reply.(*pb.RangeResponse)
	return request, answer, ours && too && request != nil && answer != nil && batch.Fits(request)
}

// read makes a read of one key, in company if others are under way.
func (c *Caller) read(
	parent context.Context, deadline time.Time, request *pb.RangeRequest, reply *pb.RangeResponse, o Options,
) (err error) {
	alone, err := c.batches.Get(parent, deadline, request, reply)
	if alone {
		began := time.Now()
		defer func() { c.batches.Back(request, reply, time.Since(began), err) }() // also if parent, which is the user's code, panics
		return c.single(parent, deadline, read, pb.KV_Range_FullMethodName, request, reply, o)
	}
	if err == nil {
		return nil
	}
	var left *batch.Left
	switch {
	case errors.As(err, &left):
		return c.abandoned(parent, deadline, request, left)
	case err == connerr.ErrClosed: // the trip could not leave
		return etcderr.FromRPC(err, etcderr.Call{Method: pb.KV_Range_FullMethodName, Cause: err})
	default:
		return err
	}
}

// abandoned returns the error of a read whose caller did not wait for the others. It is that of a call that travelled alone.
func (c *Caller) abandoned(parent context.Context, deadline time.Time, request *pb.RangeRequest, left *batch.Left) error {
	cause := error(context.DeadlineExceeded)
	if parent.Err() != nil {
		cause = tell.Ended(parent)
	}
	if left.Endpoint == "" {
		// Perhaps the trip waited for an endpoint. If there is none, this error says why. The time for it is up, so it comes at once.
		w := Wanted{Parent: parent, Deadline: deadline, Method: pb.KV_Range_FullMethodName, Request: request}
		l, err := c.pool.shared.Links.Pick(w, nil, left.Before)
		if err != nil {
			return err
		}
		l.Release()
		var e *etcderr.Error
		if errors.As(left.Before, &e) {
			return e.WithCause(cause)
		}
	}
	return etcderr.FromRPC(cause, etcderr.Call{
		Method: pb.KV_Range_FullMethodName, Endpoint: left.Endpoint, Sent: left.Endpoint != "", Cause: cause, Read: true,
		Silent: left.Silent, Before: left.Before,
	})
}

// trip makes the call that carries several reads. Errors name the RPC that the riders called.
func (c *Caller) trip(
	parent context.Context, deadline time.Time, kind batch.Kind, request *batchpb.Reads, answer *batchpb.Answers, p *batch.Progress,
) error {
	u := c.pool.get(read)
	u.parent, u.method, u.path, u.args, u.reply = parent, pb.KV_Range_FullMethodName, pb.KV_Txn_FullMethodName, request, answer
	u.options, u.deadline, u.progress = Options{Aside: kind == batch.Serializable}, deadline, p
	return c.run(u)
}
