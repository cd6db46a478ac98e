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
func (s *Space) pair(p *mvccpb.KeyValue) (err error) {
	if p != nil {
		p.Key, err = s.cut(p.Key)
	}
	return err
}

func (s *Space) pairs(all []*mvccpb.KeyValue) error {
	for _, p := range all {
		if err := s.pair(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *Space) rangeAnswer(r *pb.RangeResponse) error { return s.pairs(r.GetKvs()) }

func (s *Space) rangePiece(r *pb.RangeStreamResponse) error {
	return s.pairs(r.GetRangeResponse().GetKvs())
}

func (s *Space) putAnswer(r *pb.PutResponse) error { return s.pair(r.GetPrevKv()) }

func (s *Space) deleteAnswer(r *pb.DeleteRangeResponse) error { return s.pairs(r.GetPrevKvs()) }

func (s *Space) txnAnswer(r *pb.TxnResponse) error {
	for _, o := range r.GetResponses() {
		var err error
		switch o.GetResponse().(type) {
		case *pb.ResponseOp_ResponseRange:
			err = s.rangeAnswer(o.GetResponseRange())
		case *pb.ResponseOp_ResponsePut:
			err = s.putAnswer(o.GetResponsePut())
		case *pb.ResponseOp_ResponseDeleteRange:
			err = s.deleteAnswer(o.GetResponseDeleteRange())
		case *pb.ResponseOp_ResponseTxn:
			err = s.txnAnswer(o.GetResponseTxn())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Space) watchAnswer(r *pb.WatchResponse) error {
	for _, e := range r.GetEvents() {
		if err := s.pair(e.GetKv()); err != nil {
			return err
		}
		if err := s.pair(e.GetPrevKv()); err != nil {
			return err
		}
	}
	return nil
}

// timeToLiveAnswer leaves out the keys of other spaces, because a lease is the cluster's.
func (s *Space) timeToLiveAnswer(r *pb.LeaseTimeToLiveResponse) error {
	r.Keys = slices.DeleteFunc(r.GetKeys(), func(key []byte) bool { return !s.has(key) })
	for i, key := range r.GetKeys() {
		r.Keys[i] = key[len(s.prefix):]
	}
	return nil
}

func (s *Space) lockAnswer(r *v3lockpb.LockResponse) (err error) {
	r.Key, err = s.cut(r.GetKey())
	return err
}

func (s *Space) unlockAnswer(*v3lockpb.UnlockResponse) error { return nil }

func (s *Space) campaignAnswer(r *v3electionpb.CampaignResponse) (err error) {
	k := r.GetLeader()
	if k == nil {
		return nil
	}
	k.Name = bytes.TrimPrefix(k.GetName(), []byte(s.prefix)) // the one of the request, which may be empty
	k.Key, err = s.cut(k.GetKey())
	return err
}

func (s *Space) leaderAnswer(r *v3electionpb.LeaderResponse) error { return s.pair(r.GetKv()) }

func (s *Space) proclaimAnswer(*v3electionpb.ProclaimResponse) error { return nil }

func (s *Space) resignAnswer(*v3electionpb.ResignResponse) error { return nil }
