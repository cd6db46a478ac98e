// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/eetcd-go/eetcd/gen/batchpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/codec"
	"github.com/eetcd-go/eetcd/internal/fields"
)

// Codec is the program's codec for protobuf messages, with a faster decoder for the answers of a trip: they share one copy of what came in,
// where proto.Unmarshal makes a copy for each rider.
type Codec struct{ encoding.CodecV2 }

// NewCodec makes the codec of the trips.
func NewCodec() Codec { return Codec{codec.Proto()} }

func (c Codec) Unmarshal(data mem.BufferSlice, message any) error {
	if a, ok := message.(*batchpb.Answers); ok && split(data.Materialize(), a) {
		return nil
	}
	return c.CodecV2.Unmarshal(data, message)
}

// The tags of the fields of an answer: number and wire type.
const (
	answersHeader    = 1<<3 | fields.Bytes
	answersSucceeded = 2<<3 | fields.Varint
	answersResponse  = 3<<3 | fields.Bytes
)

// split fills in the answers, which share the memory of data. It returns false for an unusual form.
func split(data []byte, a *batchpb.Answers) bool {
	room := a.Responses[:0]
	a.Reset()
	a.Responses = room
	for at := 0; at < len(data); {
		tag, n, next := fields.Next(data, at, len(data))
		switch tag {
		case answersHeader:
			header := &pb.ResponseHeader{}
			if next += int(n); a.Header != nil || !fields.Header(data[next-int(n):next], header) {
				return false
			}
			a.Header = header
		case answersSucceeded:
			a.Succeeded = n != 0
		case answersResponse:
			next += int(n)
			a.Responses = append(a.Responses, data[next-int(n):next:next])
		default:
			return false
		}
		at = next
	}
	return true
}
