// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// A broken proxy may send such answers.
func TestAnswerThatDoesNotFitIsTakenAsFarAsItGoes(t *testing.T) {
	got := &pb.TxnResponse{Responses: []*pb.ResponseOp{
		{Response: &pb.ResponseOp_ResponseTxn{ResponseTxn: &pb.TxnResponse{Succeeded: true}}}, {},
	}}
	want := proto.CloneOf(got)
	if got = flat(got); !proto.Equal(got, want) {
		t.Errorf("flat changes the answer to %v", got)
	}
	one := &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{}}}
	spans := []span{{key: "a"}, {key: "b"}}
	for _, results := range [][]*pb.ResponseOp{nil, {one}, {one, {}}, {one, one, one}} {
		r := &reads{ahead: map[span]*reading{}}
		r.takeAhead(spans, &pb.TxnResponse{Responses: results})
		for i, s := range spans {
			fits := i < len(results) && results[i].GetResponseRange() != nil
			if _, taken := r.ahead[s]; taken != fits {
				t.Errorf("of %d results, that of %q is taken: %v", len(results), s.key, taken)
			}
		}
	}
}
