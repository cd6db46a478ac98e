// SPDX-License-Identifier: Apache-2.0

// Package codec finds the codec that gRPC uses for protobuf messages in this program. A program may have replaced gRPC's own:
//
//	wire, err := codec.Proto().Marshal(message)
package codec

import (
	"reflect"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Proto returns the codec. The program may have registered one of either kind that gRPC has, until it makes its first call.
func Proto() encoding.CodecV2 {
	if first := encoding.GetCodec(proto.Name); first != nil {
		return bridge{first}
	}
	return encoding.GetCodecV2(proto.Name)
}

// Replaced reports whether the program has replaced gRPC's codec, which keeps nothing of a message.
func Replaced() bool {
	t := reflect.TypeOf(Proto())
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() != "google.golang.org/grpc/encoding/proto"
}

// bridge makes a codec of the second kind of one of the first kind.
type bridge struct{ encoding.Codec }

func (b bridge) Marshal(message any) (mem.BufferSlice, error) {
	data, err := b.Codec.Marshal(message)
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil
}

func (b bridge) Unmarshal(data mem.BufferSlice, message any) error {
	return b.Codec.Unmarshal(data.Materialize(), message)
}
