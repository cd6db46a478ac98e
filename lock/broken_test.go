// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/lock"
)

// brokenProxy is a fake member that answers every transaction in the same way, whatever it asks for.
type brokenProxy struct {
	*fakemember.Member
	pb.UnimplementedKVServer
	answer *pb.TxnResponse
}

func (m *brokenProxy) Txn(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error) {
	return m.answer, nil
}

func (m *brokenProxy) Range(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
	return &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 9}}, nil
}

func (m *brokenProxy) DeleteRange(context.Context, *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
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
			})
		})
	}
}
