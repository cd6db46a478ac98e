// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// codec is gRPC's codec for protobuf messages, with a faster decoder for responses with events.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

func (c codec) Unmarshal(data mem.BufferSlice, message any) error {
	if r, ok := message.(*pb.WatchResponse); ok {
		if decode(data, r) {
			return nil
		}
		r.Reset()
	}
	return c.CodecV2.Unmarshal(data, message)
}
