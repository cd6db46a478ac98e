// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"errors"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/batch"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Read is a read of one key at the newest revision.
type Read = batch.Read

// joinable reports whether a call is a read that may travel with others. Reads with options of their own go alone.
func joinable(method string, args, reply any, o *Options) (r Read, answer *pb.RangeResponse, ok bool) {
	if method != pb.KV_Range_FullMethodName || o.Pinned || o.Aside || len(o.Rest) > 0 {
		return Read{}, nil, false
	}
	request, ours := args.(*pb.RangeRequest)
	answer, too := reply.(*pb.RangeResponse)
	if !ours || !too || request == nil || answer == nil {
		return Read{}, nil, false
	}
	r, ok = batch.ReadOf(request)
	return r, answer, ok
}

// abandoned returns the error of a read whose caller stopped waiting for its trip. A read that travels alone fails with the same error.
func abandoned(parent context.Context, links Links, deadline time.Time, request *pb.RangeRequest, left *batch.Left) error {
	cause := error(context.DeadlineExceeded)
	if parent.Err() != nil {
		cause = tell.Ended(parent)
	}
	if left.Endpoint == "" {
		// Perhaps the trip waited for an endpoint. If there is none, this error says why. The time for it is up, so it comes at once.
		w := Wanted{Parent: parent, Deadline: deadline, Method: pb.KV_Range_FullMethodName, Request: request}
		l, err := links.Pick(w, nil, left.Before)
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
