// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// countingCodec is a codec of the user's that counts the answers of reads.
type countingCodec struct {
	encoding.CodecV2
	reads *atomic.Int64
}

func (c countingCodec) Unmarshal(data mem.BufferSlice, message any) error {
	if _, read := message.(*pb.RangeResponse); read {
		c.reads.Add(1)
	}
	return c.CodecV2.Unmarshal(data, message)
}

func TestReadThatGoesAloneHasTheCodecOfTheDialOptions(t *testing.T) {
	var reads atomic.Int64
	c := openFake(t, []*member{newMember(t, "a")}, conn.WithBatching(), conn.WithDialOptions(grpc.WithDefaultCallOptions(
		grpc.ForceCodecV2(countingCodec{encoding.GetCodecV2(proto.Name), &reads}))))
	if _, err := get(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("the codec has decoded %d reads, want 1", n)
	}
}
