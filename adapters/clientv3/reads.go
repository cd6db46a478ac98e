// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"

	theirs "go.etcd.io/etcd/api/v3/etcdserverpb"
	theirmvcc "go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	ours "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	ourmvcc "github.com/eetcd-go/eetcd/gen/mvccpb"
)

// invoke makes one call. Reads go out as messages of this SDK, because only those travel in batches. All other messages of etcd
// pass as they are.
func invoke(ctx context.Context, c *conn.Conn, method string, args, reply any, opts []grpc.CallOption) error {
	request, isRead := args.(*theirs.RangeRequest)
	response, fits := reply.(*theirs.RangeResponse)
	if !isRead || !fits {
		return c.Invoke(ctx, method, args, reply, opts...)
	}
	var answer ours.RangeResponse
	if err := c.Invoke(ctx, method, ourRange(request), &answer, opts...); err != nil {
		return err
	}
	response.Header = theirHeader(answer.Header)
	response.Kvs = each(answer.Kvs, theirPair)
	response.More = answer.More
	response.Count = answer.Count
	return nil
}

// The functions below share keys and values with the message that they translate.

func ourRange(r *theirs.RangeRequest) *ours.RangeRequest {
	return &ours.RangeRequest{
		Key:               r.Key,
		RangeEnd:          r.RangeEnd,
		Limit:             r.Limit,
		Revision:          r.Revision,
		SortOrder:         ours.RangeRequest_SortOrder(r.SortOrder),
		SortTarget:        ours.RangeRequest_SortTarget(r.SortTarget),
		Serializable:      r.Serializable,
		KeysOnly:          r.KeysOnly,
		CountOnly:         r.CountOnly,
		MinModRevision:    r.MinModRevision,
		MaxModRevision:    r.MaxModRevision,
		MinCreateRevision: r.MinCreateRevision,
		MaxCreateRevision: r.MaxCreateRevision,
	}
}

func theirHeader(h *ours.ResponseHeader) *theirs.ResponseHeader {
	if h == nil {
		return nil
	}
	return &theirs.ResponseHeader{
		ClusterId: h.ClusterId, MemberId: h.MemberId, Revision: h.Revision, RaftTerm: h.RaftTerm,
	}
}

func theirPair(kv *ourmvcc.KeyValue) *theirmvcc.KeyValue {
	if kv == nil {
		return nil
	}
	return &theirmvcc.KeyValue{
		Key: kv.Key, CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision, Version: kv.Version, Value: kv.Value,
		Lease: kv.Lease,
	}
}

func theirEvent(e *ourmvcc.Event) *theirmvcc.Event {
	return &theirmvcc.Event{Type: theirmvcc.Event_EventType(e.Type), Kv: theirPair(e.Kv), PrevKv: theirPair(e.PrevKv)}
}

// each returns nil for no elements, as decoding does.
func each[A, B any](list []A, f func(A) B) []B {
	if len(list) == 0 {
		return nil
	}
	all := make([]B, len(list))
	for i, one := range list {
		all[i] = f(one)
	}
	return all
}
