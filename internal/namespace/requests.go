// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

// Each function here returns a new message for the store. The message of the caller stays as it is, and the two share the memory of
// values. A test fills every field of these messages, and fails for one that is not carried over.

func rangeRequest(s *keyspace, r *pb.RangeRequest) (*pb.RangeRequest, error) {
	key, end := s.interval(r.GetKey(), r.GetRangeEnd())
	return &pb.RangeRequest{
		Key: key, RangeEnd: end,
		Limit: r.GetLimit(), Revision: r.GetRevision(), SortOrder: r.GetSortOrder(), SortTarget: r.GetSortTarget(),
		Serializable: r.GetSerializable(), KeysOnly: r.GetKeysOnly(), CountOnly: r.GetCountOnly(),
		MinModRevision: r.GetMinModRevision(), MaxModRevision: r.GetMaxModRevision(),
		MinCreateRevision: r.GetMinCreateRevision(), MaxCreateRevision: r.GetMaxCreateRevision(),
	}, s.known(r)
}

func putRequest(s *keyspace, r *pb.PutRequest) (*pb.PutRequest, error) {
	return &pb.PutRequest{
		Key: s.key(r.GetKey()), Value: r.GetValue(), Lease: r.GetLease(),
		PrevKv: r.GetPrevKv(), IgnoreValue: r.GetIgnoreValue(), IgnoreLease: r.GetIgnoreLease(),
	}, s.known(r)
}

func deleteRequest(s *keyspace, r *pb.DeleteRangeRequest) (*pb.DeleteRangeRequest, error) {
	key, end := s.interval(r.GetKey(), r.GetRangeEnd())
	return &pb.DeleteRangeRequest{Key: key, RangeEnd: end, PrevKv: r.GetPrevKv()}, s.known(r)
}

func txnRequest(s *keyspace, r *pb.TxnRequest) (*pb.TxnRequest, error) {
	compares, err := each(s, r.GetCompare(), compare)
	if err != nil {
		return nil, err
	}
	success, err := each(s, r.GetSuccess(), operation)
	if err != nil {
		return nil, err
	}
	failure, err := each(s, r.GetFailure(), operation)
	if err != nil {
		return nil, err
	}
	return &pb.TxnRequest{Compare: compares, Success: success, Failure: failure}, s.known(r)
}

func compare(s *keyspace, c *pb.Compare) (*pb.Compare, error) {
	key, end := s.interval(c.GetKey(), c.GetRangeEnd())
	return &pb.Compare{
		Result: c.GetResult(), Target: c.GetTarget(), Key: key, RangeEnd: end, TargetUnion: c.GetTargetUnion(),
	}, s.known(c)
}

func operation(s *keyspace, o *pb.RequestOp) (*pb.RequestOp, error) {
	if err := s.known(o); err != nil {
		return nil, err
	}
	switch o.GetRequest().(type) {
	case nil: // the server judges it
		return &pb.RequestOp{}, nil
	case *pb.RequestOp_RequestRange:
		r, err := rangeRequest(s, o.GetRequestRange())
		return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: r}}, err
	case *pb.RequestOp_RequestPut:
		r, err := putRequest(s, o.GetRequestPut())
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: r}}, err
	case *pb.RequestOp_RequestDeleteRange:
		r, err := deleteRequest(s, o.GetRequestDeleteRange())
		return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: r}}, err
	case *pb.RequestOp_RequestTxn:
		r, err := txnRequest(s, o.GetRequestTxn())
		return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: r}}, err
	default:
		return nil, s.invalid("cannot translate the operation %T", o.GetRequest())
	}
}

func watchRequest(s *keyspace, r *pb.WatchRequest) (*pb.WatchRequest, error) {
	if err := s.known(r); err != nil {
		return nil, err
	}
	if c := r.GetCreateRequest(); c != nil {
		return &pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: creation(s, c)}}, s.known(c)
	}
	return r, nil // it names no key
}

// creation differs from a range in one point: servers take an empty key for the smallest one.
func creation(s *keyspace, c *pb.WatchCreateRequest) *pb.WatchCreateRequest {
	key := c.GetKey()
	if len(key) == 0 {
		key = []byte(noEnd)
	}
	return &pb.WatchCreateRequest{
		Key: s.join(key), RangeEnd: s.to(c.GetRangeEnd()),
		StartRevision: c.GetStartRevision(), ProgressNotify: c.GetProgressNotify(), Filters: c.GetFilters(),
		PrevKv: c.GetPrevKv(), WatchId: c.GetWatchId(), Fragment: c.GetFragment(),
	}
}

func timeToLiveRequest(s *keyspace, r *pb.LeaseTimeToLiveRequest) (*pb.LeaseTimeToLiveRequest, error) {
	return r, s.known(r) // it names no key
}

func lockRequest(s *keyspace, r *v3lockpb.LockRequest) (*v3lockpb.LockRequest, error) {
	return &v3lockpb.LockRequest{Name: s.join(r.GetName()), Lease: r.GetLease()}, s.known(r)
}

func unlockRequest(s *keyspace, r *v3lockpb.UnlockRequest) (*v3lockpb.UnlockRequest, error) {
	return &v3lockpb.UnlockRequest{Key: s.key(r.GetKey())}, s.known(r)
}

func campaignRequest(s *keyspace, r *v3electionpb.CampaignRequest) (*v3electionpb.CampaignRequest, error) {
	return &v3electionpb.CampaignRequest{Name: s.join(r.GetName()), Lease: r.GetLease(), Value: r.GetValue()}, s.known(r)
}

func proclaimRequest(s *keyspace, r *v3electionpb.ProclaimRequest) (*v3electionpb.ProclaimRequest, error) {
	leader, err := leaderKey(s, r.GetLeader())
	if err != nil {
		return nil, err
	}
	return &v3electionpb.ProclaimRequest{Leader: leader, Value: r.GetValue()}, s.known(r)
}

func resignRequest(s *keyspace, r *v3electionpb.ResignRequest) (*v3electionpb.ResignRequest, error) {
	leader, err := leaderKey(s, r.GetLeader())
	if err != nil {
		return nil, err
	}
	return &v3electionpb.ResignRequest{Leader: leader}, s.known(r)
}

func leaderRequest(s *keyspace, r *v3electionpb.LeaderRequest) (*v3electionpb.LeaderRequest, error) {
	return &v3electionpb.LeaderRequest{Name: s.join(r.GetName())}, s.known(r)
}

// leaderKey leaves a missing leader missing, so that the server refuses it.
func leaderKey(s *keyspace, k *v3electionpb.LeaderKey) (*v3electionpb.LeaderKey, error) {
	if k == nil {
		return nil, nil
	}
	return &v3electionpb.LeaderKey{Name: s.join(k.GetName()), Key: s.key(k.GetKey()), Rev: k.GetRev(), Lease: k.GetLease()}, s.known(k)
}

// each translates each message of a list.
func each[M any](s *keyspace, all []*M, translate func(*keyspace, *M) (*M, error)) ([]*M, error) {
	if all == nil {
		return nil, nil
	}
	translated := make([]*M, 0, len(all))
	for _, m := range all {
		t, err := translate(s, m)
		if err != nil {
			return nil, err
		}
		translated = append(translated, t)
	}
	return translated, nil
}
