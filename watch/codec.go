// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"slices"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/codec"
)

// errNoPair breaks a stream on which an event came without its key.
var errNoPair = errors.New("watch: an event has no key")

// decoder is the program's codec for protobuf messages, with a faster decoder for responses with events. Each event that it returns has a
// pair.
type decoder struct{ encoding.CodecV2 }

func newDecoder() decoder { return decoder{codec.Proto()} }

// Name is empty, so that the stream has the content type of all other calls. gRPC would add the name to it.
func (decoder) Name() string { return "" }

func (c decoder) Unmarshal(data mem.BufferSlice, message any) error {
	r, ok := message.(*pb.WatchResponse)
	if !ok {
		return c.CodecV2.Unmarshal(data, message)
	}
	if decode(data, r) {
		return nil
	}
	r.Reset()
	if err := c.CodecV2.Unmarshal(data, r); err != nil {
		return err
	}
	if slices.ContainsFunc(r.Events, func(e *mvccpb.Event) bool { return e.Kv == nil }) {
		return errNoPair
	}
	return nil
}
