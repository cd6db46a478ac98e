// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"bytes"
	"slices"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

// Each function here takes the prefix off the keys of an answer, in place. The answer has just been received, and nobody else has
// it. A key without the prefix is an error.

// pair takes the prefix off the key of a pair, which may be missing.
func pair(s *keyspace, p *mvccpb.KeyValue) (err error) {
	if p != nil {
		p.Key, err = s.cut(p.Key)
	}
	return err
}

func pairs(s *keyspace, all []*mvccpb.KeyValue) error {
	for _, p := range all {
		if err := pair(s, p); err != nil {
			return err
		}
	}
	return nil
}

func rangeAnswer(s *keyspace, r *pb.RangeResponse) error { return pairs(s, r.GetKvs()) }

func rangePiece(s *keyspace, r *pb.RangeStreamResponse) error {
	return pairs(s, r.GetRangeResponse().GetKvs())
}

func putAnswer(s *keyspace, r *pb.PutResponse) error { return pair(s, r.GetPrevKv()) }

func deleteAnswer(s *keyspace, r *pb.DeleteRangeResponse) error { return pairs(s, r.GetPrevKvs()) }

func txnAnswer(s *keyspace, r *pb.TxnResponse) error {
	for _, o := range r.GetResponses() {
		var err error
		switch o.GetResponse().(type) {
		case *pb.ResponseOp_ResponseRange:
			err = rangeAnswer(s, o.GetResponseRange())
		case *pb.ResponseOp_ResponsePut:
			err = putAnswer(s, o.GetResponsePut())
		case *pb.ResponseOp_ResponseDeleteRange:
			err = deleteAnswer(s, o.GetResponseDeleteRange())
		case *pb.ResponseOp_ResponseTxn:
			err = txnAnswer(s, o.GetResponseTxn())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func watchAnswer(s *keyspace, r *pb.WatchResponse) error {
	for _, e := range r.GetEvents() {
		if err := pair(s, e.GetKv()); err != nil {
			return err
		}
		if err := pair(s, e.GetPrevKv()); err != nil {
			return err
		}
	}
	return nil
}

// timeToLiveAnswer leaves out the keys of other spaces, because a lease is the cluster's.
func timeToLiveAnswer(s *keyspace, r *pb.LeaseTimeToLiveResponse) error {
	r.Keys = slices.DeleteFunc(r.GetKeys(), func(key []byte) bool { return !s.has(key) })
	for i, key := range r.GetKeys() {
		r.Keys[i] = key[len(s.prefix):]
	}
	return nil
}

func lockAnswer(s *keyspace, r *v3lockpb.LockResponse) (err error) {
	r.Key, err = s.cut(r.GetKey())
	return err
}

func unlockAnswer(_ *keyspace, _ *v3lockpb.UnlockResponse) error { return nil }

func campaignAnswer(s *keyspace, r *v3electionpb.CampaignResponse) (err error) {
	k := r.GetLeader()
	if k == nil {
		return nil
	}
	k.Name = bytes.TrimPrefix(k.GetName(), []byte(s.prefix)) // the one of the request, which may be empty
	k.Key, err = s.cut(k.GetKey())
	return err
}

func leaderAnswer(s *keyspace, r *v3electionpb.LeaderResponse) error { return pair(s, r.GetKv()) }

func proclaimAnswer(_ *keyspace, _ *v3electionpb.ProclaimResponse) error { return nil }

func resignAnswer(_ *keyspace, _ *v3electionpb.ResignResponse) error { return nil }
