// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	protobuf "google.golang.org/protobuf/proto"

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

// An interceptor may, for example, log the messages on a goroutine of its own.
func TestInterceptorMayKeepTheMessagesOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		a.txnsMeet(slowly(time.Millisecond))
		b.txnsMeet(slowly(time.Millisecond))
		var mu sync.Mutex
		var kept, copies []protobuf.Message
		c := openFake(t, []*member{a, b}, conn.WithBatching(), conn.WithDialOptions(grpc.WithChainUnaryInterceptor(func(
			parent context.Context, method string, request, reply any, line *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			err := invoke(parent, method, request, reply, line, opts...)
			if method == pb.KV_Txn_FullMethodName {
				mu.Lock()
				defer mu.Unlock()
				for _, m := range []any{request, reply} {
					kept = append(kept, m.(protobuf.Message))
					copies = append(copies, protobuf.Clone(m.(protobuf.Message)))
				}
			}
			return err
		})))
		const rides = 20
		for riders := range rides {
			ride(t, c, slices.Repeat([]time.Duration{time.Minute}, 3+riders)...)
		}
		if len(kept) < 2*rides {
			t.Fatalf("%d messages of batches, want at least %d", len(kept), 2*rides)
		}
		for i, m := range kept {
			if !protobuf.Equal(m, copies[i]) {
				t.Errorf("message %d was\n%v\nand is\n%v", i, copies[i], m)
			}
		}
	})
}
