// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/kv"
)

// changing is a member that is another one after its first answer.
type changing struct {
	*fakemember.Member
	pb.UnimplementedKVServer

	answers atomic.Int64
	answer  func(n int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error) // with the number of reads that it answers
}

func (m *changing) Txn(_ context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	header, n, err := m.answer(m.answers.Add(1), r)
	answer := &pb.TxnResponse{Header: header}
	for _, o := range r.GetSuccess()[:n] {
		answer.Responses = append(answer.Responses, &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{
			ResponseRange: &pb.RangeResponse{
				Header: &pb.ResponseHeader{Revision: 1}, // as a proxy may have it
				Kvs:    []*mvccpb.KeyValue{{Key: o.GetRequestRange().GetKey(), Value: []byte("v")}},
			},
		}})
	}
	return answer, err
}

func TestGetManyNoticesAnotherStore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(n int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error)
		want   string // in the error; "" for none
	}{
		"the same cluster": {func(_ int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error) {
			return &pb.ResponseHeader{ClusterId: 7, Revision: 10}, len(r.GetSuccess()), nil
		}, ""},
		"a proxy that names the cluster sometimes": {func(n int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error) {
			return &pb.ResponseHeader{ClusterId: uint64(n%2) * 7, Revision: 9 + n}, len(r.GetSuccess()), nil
		}, ""},
		"another cluster": {func(n int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error) {
			return &pb.ResponseHeader{ClusterId: 6 + uint64(min(n, 2)), Revision: 10}, len(r.GetSuccess()), nil
		}, "another cluster answers than before"},
		"a store that has gone back": {func(n int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error) {
			if n > 1 {
				return nil, 0, status.Error(codes.OutOfRange, etcderr.ErrFutureRev.Error())
			}
			return &pb.ResponseHeader{ClusterId: 7, Revision: 10}, len(r.GetSuccess()), nil
		}, "the store has gone back to before revision 10"},
		"a server without revisions": {func(_ int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error) {
			return nil, len(r.GetSuccess()), nil
		}, "names no revision"},
		"answers that are missing": {func(_ int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error) {
			return &pb.ResponseHeader{ClusterId: 7, Revision: 10}, len(r.GetSuccess()) - 1, nil
		}, "the server answers 127 of 128 reads"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &changing{Member: fakemember.New(t, "a")}
			m.answer = func(n int64, r *pb.TxnRequest) (*pb.ResponseHeader, int, error) {
				for _, o := range r.GetSuccess() {
					if rev := o.GetRequestRange().GetRevision(); (n > 1) != (rev == 10) {
						t.Errorf("request %d reads at revision %d", n, rev)
					}
				}
				return c.answer(n, r)
			}
			m.Serve(m)
			found, err := kv.GetMany(t.Context(), kv.New(fakemember.Open(t, []*changing{m}).Name()), places(0, 1000)...)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if err != nil || found.Rev() != 10 {
				t.Fatalf("%+v, %v", found, err)
			}
			for _, key := range places(0, 1000) {
				if pair, there := found.Get(key); !there || string(pair.GetKey()) != key {
					t.Errorf("%s: %v", key, pair)
				}
			}
		})
	}
}
