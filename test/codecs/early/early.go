// SPDX-License-Identifier: Apache-2.0

// Package early registers a codec as programs have done that are older than gRPC's present codecs. It depends on little, so its codec is
// there before most packages of a program begin.
package early

import (
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc/encoding"
	codec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// Encoded and Decoded count messages.
var Encoded, Decoded atomic.Int64

func init() { encoding.RegisterCodec(old{}) }

type old struct{}

func (old) Name() string { return codec.Name }

func (old) Marshal(v any) ([]byte, error) {
	m, err := message(v)
	if err != nil {
		return nil, err
	}
	Encoded.Add(1)
	return proto.Marshal(m)
}

func (old) Unmarshal(data []byte, v any) error {
	m, err := message(v)
	if err != nil {
		return err
	}
	Decoded.Add(1)
	return proto.Unmarshal(data, m)
}

func message(v any) (proto.Message, error) {
	switch m := v.(type) {
	case proto.Message:
		return m, nil
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(m), nil
	default:
		return nil, fmt.Errorf("no message: %T", v)
	}
}
