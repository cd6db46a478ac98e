// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func TestOperationIsEncodedAsProtobufEncodesIt(t *testing.T) {
	odd := &pb.RangeRequest{Key: []byte("k")}
	odd.ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 1})
	for _, r := range []*pb.RangeRequest{
		{Key: []byte("k")},
		{Key: []byte{0}, Serializable: true},
		{Key: []byte(strings.Repeat("k", 127))},
		{Key: []byte(strings.Repeat("k", 130)), Serializable: true},
		{Key: []byte(strings.Repeat("k", keyMax))},
		{Key: []byte("k"), Limit: 1},
		{Key: []byte("k"), SortOrder: pb.RangeRequest_DESCEND},
		{Key: []byte("k"), SortTarget: pb.RangeRequest_MOD, Serializable: true},
		{Key: []byte("k"), KeysOnly: true},
		{Key: []byte("k"), CountOnly: true},
		odd,
	} {
		read, fits := ReadOf(r)
		if !fits {
			t.Errorf("%v does not travel, so nobody encodes it", r)
		}
		want, err := proto.Marshal(&pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: r}})
		if err != nil {
			t.Fatal(err)
		}
		reads := []Read{read}
		if bare(r) {
			reads = append(reads, Read{Key: string(r.Key), Serializable: r.Serializable})
		}
		for _, read := range reads {
			if got := appendOp([]byte("before"), read); !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("the operation of %+v is % x, want % x", read, got, want)
			}
		}
	}
}
