// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"context"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// TestPanicOfAnInterceptorEndsNoReadAndNoProcess has an interceptor panic for each transaction. Nobody calls one, so nobody could
// recover: the reads go alone.
func TestPanicOfAnInterceptorEndsNoReadAndNoProcess(t *testing.T) {
	w := newWorld(t)
	keys := w.put("k/", readers)
	var txns atomic.Int64
	c := w.open(conn.WithBatching(), conn.WithDialOptions(grpc.WithChainUnaryInterceptor(func(
		parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		if method == pb.KV_Txn_FullMethodName {
			txns.Add(1)
			panic("of an interceptor")
		}
		return invoke(parent, method, req, reply, cc, opts...)
	})))
	for range 3 {
		for i, got := range atOnce(readers, func(i int) answer { return get(t.Context(), c, keys[i]) }) {
			w.mustHold(keys[i], got)
		}
	}
	if txns.Load() == 0 {
		t.Error("no batch met the interceptor")
	}
}
