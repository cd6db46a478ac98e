// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// attended is a context that knows how many functions wait for its end.
type attended struct {
	context.Context
	done    chan struct{}
	waiting atomic.Int64
}

func (a *attended) Done() <-chan struct{} { return a.done }

func (a *attended) AfterFunc(func()) (stop func() bool) {
	a.waiting.Add(1)
	return func() bool {
		a.waiting.Add(-1)
		return true
	}
}

func TestNothingWaitsForTheEndOfAContextAfterAnInterceptorPanics(t *testing.T) {
	panics := func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, grpc.Streamer, ...grpc.CallOption) (grpc.ClientStream, error) {
		panic("of an interceptor")
	}
	cli := adapter.New(onecluster.Open(t, "", cluster.Endpoints(), conn.WithDialOptions(grpc.WithStreamInterceptor(panics))))
	defer cli.Close()
	parent := &attended{Context: t.Context(), done: make(chan struct{})}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic does not reach the caller")
			}
		}()
		_, _ = cli.Snapshot(parent)
	}()
	if n := parent.waiting.Load(); n != 0 {
		t.Errorf("%d functions wait for the end of the context", n)
	}
}
