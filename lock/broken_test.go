// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/lock"
)

// brokenProxy is a fake member that answers every transaction in the same way, whatever it asks for. It puts and deletes one key all
// the same.
type brokenProxy struct {
	*fakemember.Member
	pb.UnimplementedKVServer
	answer *pb.TxnResponse

	mu   sync.Mutex
	pair *mvccpb.KeyValue // nil: the key is not there
}

func (m *brokenProxy) Txn(_ context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range r.Success {
		if put := o.GetRequestPut(); put != nil {
			m.pair = &mvccpb.KeyValue{Key: put.Key, Value: put.Value, Lease: put.Lease, CreateRevision: 9, ModRevision: 9, Version: 1}
		}
		if o.GetRequestDeleteRange() != nil {
			m.pair = nil
		}
	}
	return m.answer, nil
}

func (m *brokenProxy) Range(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer := &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 9}}
	if m.pair != nil {
		answer.Kvs, answer.Count = []*mvccpb.KeyValue{m.pair}, 1
	}
	return answer, nil
}

func (m *brokenProxy) DeleteRange(context.Context, *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pair = nil
	return &pb.DeleteRangeResponse{Header: &pb.ResponseHeader{Revision: 9}}, nil
}

// A lock that nobody was seen to hold, because the answer does not tell, is not free.
func TestLockIsNotTakenByAnAnswerThatDoesNotFit(t *testing.T) {
	put := &pb.ResponseOp{Response: &pb.ResponseOp_ResponsePut{ResponsePut: &pb.PutResponse{}}}
	nothing := &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{}}}
	for name, answer := range map[string]*pb.TxnResponse{
		"applied, without results":      {Succeeded: true},
		"applied, with one result":      {Succeeded: true, Responses: []*pb.ResponseOp{put}},
		"applied, with another kind":    {Succeeded: true, Responses: []*pb.ResponseOp{put, put}},
		"refused, without results":      {},
		"refused, with another kind":    {Responses: []*pb.ResponseOp{put}},
		"refused, by a key not there":   {Responses: []*pb.ResponseOp{nothing}},
		"refused, with an empty result": {Responses: []*pb.ResponseOp{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &brokenProxy{Member: fakemember.New(t, "a"), answer: answer}
				answer.Header = &pb.ResponseHeader{Revision: 9}
				m.Serve(m)
				c := lock.New(fakemember.Open(t, []*brokenProxy{m}).Name()).WithName("l").WithLease(7)
				parent, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				held, err := lock.Acquire(parent, c)
				if err == nil {
					t.Errorf("got %v", held.Key)
				} else if parent.Err() != nil {
					t.Errorf("waited until the deadline: %v", err)
				}
				time.Sleep(time.Minute)
				if m.mu.Lock(); m.pair != nil {
					t.Errorf("the key of a lock that nobody got is still there, and holds others up: %v", m.pair)
				}
				m.mu.Unlock()
			})
		})
	}
}
