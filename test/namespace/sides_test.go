// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	etcdmvccpb "go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/encoding"
	codec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/watch"
)

// A side makes the requests of a program in a namespace. Revisions and leases count by their order, since the sides run one after
// the other: revision 3 is that of the third write, and what has no number is 0.
type side struct {
	name  string
	send  func(context.Context, *pb.RequestOp) (proto.Message, error)
	lease clientv3.Lease
	watch func(context.Context, *pb.WatchCreateRequest) (<-chan *mvccpb.Event, error)

	call func(context.Context, proto.Message) (proto.Message, error) // of the lock and the election service

	revs   []int64
	last   int64 // revision that the side has seen
	leases []int64
	locked []byte                  // key of the last lock, with the number of its lease
	leader *v3electionpb.LeaderKey // of the last campaign, with numbers
}

// wrote notes the revision of an answer.
func (s *side) wrote(rev int64) {
	if rev > s.last {
		s.revs, s.last = append(s.revs, rev), rev
	}
}

// sendOurs sends over a namespace of the SDK, with the SDK's stubs.
func sendOurs(n *conn.Conn) func(context.Context, *pb.RequestOp) (proto.Message, error) {
	kv := pb.NewKVClient(n)
	return func(ctx context.Context, op *pb.RequestOp) (proto.Message, error) {
		before := proto.Clone(op)
		defer func() {
			if !proto.Equal(op, before) {
				panic(fmt.Sprintf("the request has been changed from %v to %v", before, op))
			}
		}()
		switch op.GetRequest().(type) {
		case *pb.RequestOp_RequestRange:
			return kv.Range(ctx, op.GetRequestRange())
		case *pb.RequestOp_RequestPut:
			return kv.Put(ctx, op.GetRequestPut())
		case *pb.RequestOp_RequestDeleteRange:
			return kv.DeleteRange(ctx, op.GetRequestDeleteRange())
		default:
			return kv.Txn(ctx, op.GetRequestTxn())
		}
	}
}

// sendTheirs sends with a KV of clientv3.
func sendTheirs(kv clientv3.KV) func(context.Context, *pb.RequestOp) (proto.Message, error) {
	return func(ctx context.Context, op *pb.RequestOp) (proto.Message, error) {
		r, err := kv.Do(ctx, theirOp(op))
		if err != nil {
			return nil, err
		}
		switch {
		case r.Get() != nil:
			return as[pb.RangeResponse]((*etcdpb.RangeResponse)(r.Get())), nil
		case r.Put() != nil:
			return as[pb.PutResponse]((*etcdpb.PutResponse)(r.Put())), nil
		case r.Del() != nil:
			return as[pb.DeleteRangeResponse]((*etcdpb.DeleteRangeResponse)(r.Del())), nil
		default:
			return as[pb.TxnResponse]((*etcdpb.TxnResponse)(r.Txn())), nil
		}
	}
}

// theirOp returns a request as clientv3 has it.
func theirOp(op *pb.RequestOp) clientv3.Op {
	switch op.GetRequest().(type) {
	case *pb.RequestOp_RequestRange:
		r := op.GetRequestRange()
		opts := []clientv3.OpOption{
			clientv3.WithLimit(r.Limit), clientv3.WithRev(r.Revision),
			clientv3.WithMinModRev(r.MinModRevision), clientv3.WithMaxModRev(r.MaxModRevision),
			clientv3.WithMinCreateRev(r.MinCreateRevision), clientv3.WithMaxCreateRev(r.MaxCreateRevision),
		}
		if r.SortOrder != pb.RangeRequest_NONE {
			opts = append(opts, clientv3.WithSort(clientv3.SortTarget(r.SortTarget), clientv3.SortOrder(r.SortOrder)))
		}
		opts = add(opts, len(r.RangeEnd) > 0, clientv3.WithRange(string(r.RangeEnd)))
		opts = add(opts, r.Serializable, clientv3.WithSerializable())
		opts = add(opts, r.KeysOnly, clientv3.WithKeysOnly())
		opts = add(opts, r.CountOnly, clientv3.WithCountOnly())
		return clientv3.OpGet(string(r.Key), opts...)
	case *pb.RequestOp_RequestPut:
		r := op.GetRequestPut()
		opts := []clientv3.OpOption{clientv3.WithLease(clientv3.LeaseID(r.Lease))}
		opts = add(opts, r.PrevKv, clientv3.WithPrevKV())
		opts = add(opts, r.IgnoreValue, clientv3.WithIgnoreValue())
		opts = add(opts, r.IgnoreLease, clientv3.WithIgnoreLease())
		return clientv3.OpPut(string(r.Key), string(r.Value), opts...)
	case *pb.RequestOp_RequestDeleteRange:
		r := op.GetRequestDeleteRange()
		opts := add(nil, len(r.RangeEnd) > 0, clientv3.WithRange(string(r.RangeEnd)))
		opts = add(opts, r.PrevKv, clientv3.WithPrevKV())
		return clientv3.OpDelete(string(r.Key), opts...)
	default:
		r := op.GetRequestTxn()
		var guards []clientv3.Cmp
		for _, c := range r.Compare {
			guards = append(guards, clientv3.FromCompare(as[etcdpb.Compare](c)))
		}
		return clientv3.OpTxn(guards, theirOps(r.Success), theirOps(r.Failure))
	}
}

func theirOps(all []*pb.RequestOp) (ops []clientv3.Op) {
	for _, op := range all {
		ops = append(ops, theirOp(op))
	}
	return ops
}

func add(opts []clientv3.OpOption, given bool, opt clientv3.OpOption) []clientv3.OpOption {
	if given {
		return append(opts, opt)
	}
	return opts
}

// as returns a message as another type with the same wire format.
func as[T any](m any) *T {
	to := new(T)
	c := encoding.GetCodecV2(codec.Name)
	wire, err := c.Marshal(m)
	if err == nil {
		err = c.Unmarshal(wire, to)
	}
	if err != nil {
		panic(err)
	}
	return to
}

// resolve returns a request with the revisions and leases of a side in place of their numbers.
func resolve[M proto.Message](s *side, m M) M {
	at := func(all []int64) func(int64) int64 {
		return func(n int64) int64 {
			if n <= 0 || len(all) == 0 {
				return 0
			}
			return all[min(int(n), len(all))-1]
		}
	}
	m = proto.CloneOf(m)
	replace(m.ProtoReflect(), at(s.revs), at(s.leases), s.unnumbered)
	return m
}

// number puts numbers in place of the revisions and leases of an answer, and takes out what the sides cannot have in common.
func number[M proto.Message](s *side, m M) M {
	m = proto.CloneOf(m)
	replace(m.ProtoReflect(), func(rev int64) int64 {
		n, there := slices.BinarySearch(s.revs, rev)
		if there {
			n++
		}
		return int64(n)
	}, func(lease int64) int64 { return int64(slices.Index(s.leases, lease) + 1) }, s.numbered)
	return m
}

// replace replaces every revision, lease and key in a message.
func replace(m protoreflect.Message, revision, lease func(int64) int64, key func([]byte) []byte) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch f.Name() {
		case "revision", "create_revision", "mod_revision", "min_mod_revision", "max_mod_revision",
			"min_create_revision", "max_create_revision", "start_revision", "rev":
			m.Set(f, protoreflect.ValueOfInt64(revision(v.Int())))
		case "lease":
			m.Set(f, protoreflect.ValueOfInt64(lease(v.Int())))
		case "key":
			m.Set(f, protoreflect.ValueOfBytes(key(v.Bytes())))
		case "cluster_id", "member_id", "raft_term":
			m.Clear(f)
		default:
			switch {
			case f.IsList() && f.Message() != nil:
				for i := range v.List().Len() {
					replace(v.List().Get(i).Message(), revision, lease, key)
				}
			case !f.IsList() && f.Message() != nil:
				replace(v.Message(), revision, lease, key)
			}
		}
		return true
	})
}

// kindOf returns the text of the server, or that of the client that refused the request. Errors with the same text are of one kind.
func kindOf(t *testing.T, err error) string {
	t.Helper()
	var e *etcderr.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Message()
	default:
		return rpctypes.ErrorDesc(err)
	}
}

// watchOurs watches over a namespace of the SDK.
func watchOurs(n *conn.Conn) func(context.Context, *pb.WatchCreateRequest) (<-chan *mvccpb.Event, error) {
	return func(ctx context.Context, r *pb.WatchCreateRequest) (<-chan *mvccpb.Event, error) {
		request := watch.New(n.Name()).WithKeyBytes(r.Key).WithRangeEnd(string(r.RangeEnd)).WithStartRevision(r.StartRevision)
		if r.PrevKv {
			request = request.WithPrevKV()
		}
		if filters(r, pb.WatchCreateRequest_NOPUT) {
			request = request.WithFilterPut()
		}
		if filters(r, pb.WatchCreateRequest_NODELETE) {
			request = request.WithFilterDelete()
		}
		w, err := watch.Watch(ctx, request)
		if err != nil {
			return nil, err
		}
		events := make(chan *mvccpb.Event)
		go func() {
			defer close(events)
			for e, err := range w.Events() {
				if err != nil || !offer(ctx, events, e) {
					return
				}
			}
		}()
		return events, nil
	}
}

// watchTheirs watches with a Watcher of clientv3.
func watchTheirs(w clientv3.Watcher) func(context.Context, *pb.WatchCreateRequest) (<-chan *mvccpb.Event, error) {
	return func(ctx context.Context, r *pb.WatchCreateRequest) (<-chan *mvccpb.Event, error) {
		opts := add([]clientv3.OpOption{clientv3.WithRev(r.StartRevision)}, len(r.RangeEnd) > 0, clientv3.WithRange(string(r.RangeEnd)))
		opts = add(opts, r.PrevKv, clientv3.WithPrevKV())
		opts = add(opts, filters(r, pb.WatchCreateRequest_NOPUT), clientv3.WithFilterPut())
		opts = add(opts, filters(r, pb.WatchCreateRequest_NODELETE), clientv3.WithFilterDelete())
		responses := w.Watch(ctx, string(r.Key), opts...)
		events := make(chan *mvccpb.Event)
		go func() {
			defer close(events)
			for response := range responses {
				for _, e := range response.Events {
					if !offer(ctx, events, as[mvccpb.Event]((*etcdmvccpb.Event)(e))) {
						return
					}
				}
			}
		}()
		return events, nil
	}
}

func offer(ctx context.Context, events chan<- *mvccpb.Event, e *mvccpb.Event) bool {
	select {
	case events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

func filters(r *pb.WatchCreateRequest, f pb.WatchCreateRequest_FilterType) bool {
	return slices.Contains(r.Filters, f)
}

func revisionOf(m proto.Message) int64 {
	return m.(interface{ GetHeader() *pb.ResponseHeader }).GetHeader().GetRevision()
}

// text returns a message as a text that is the same for equal messages.
func text(m proto.Message) string {
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%v %x", m, wire)
}
