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

// Answers is what a trip brings.
type Answers struct {
	batchpb.Answers
	whole mem.Buffer // has the responses; nil where they have memory of their own
}

// keep keeps the memory of what came in. An earlier attempt of the call may have left another one.
func (a *Answers) keep(whole mem.Buffer) {
	if a.whole != nil {
		a.whole.Free()
	}
	a.whole = whole
}

// free gives back the memory of what came in, and forgets it.
func (a *Answers) free() {
	a.keep(nil)
	a.forget()
}

// forget makes the message an empty one. It keeps the room for the responses.
func (a *Answers) forget() {
	room := a.Responses
	clear(room)
	a.Reset()
	a.Responses = room[:0]
}

// Codec is the program's codec for protobuf messages, with faster decoders for the answers of a trip, which share the memory of what
// came in, where proto.Unmarshal makes a copy for each rider, and for the answer of a read of one key.
type Codec struct{ encoding.CodecV2 }

// NewCodec makes the codec of the trips, and of the reads that travel alone.
func NewCodec() Codec { return Codec{codec.Proto()} }

// Name is empty, so that requests have the content type of all other calls. gRPC would add the name to it.
func (Codec) Name() string { return "" }

func (c Codec) Unmarshal(data mem.BufferSlice, message any) error {
	switch m := message.(type) {
	case *Answers:
		whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
		if split(whole.ReadOnlyData(), m) {
			m.keep(whole)
			return nil
		}
		whole.Free()
		m.free()
	case *pb.RangeResponse:
		whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
		defer whole.Free()
		if decode(whole.ReadOnlyData(), nil, m) != nil {
			return nil
		}
		m.Reset()
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
func split(data []byte, a *Answers) bool {
	a.forget()
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
