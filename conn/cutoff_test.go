// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// counted counts the open connections of a member.
type counted struct{ open atomic.Int64 }

func (*counted) TagRPC(parent context.Context, _ *stats.RPCTagInfo) context.Context   { return parent }
func (*counted) HandleRPC(context.Context, stats.RPCStats)                            {}
func (*counted) TagConn(parent context.Context, _ *stats.ConnTagInfo) context.Context { return parent }

func (c *counted) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		c.open.Add(1)
	case *stats.ConnEnd:
		c.open.Add(-1)
	}
}

func TestStreamWhoseInterceptorDoesNotReturnEndsAndReleasesItsLink(t *testing.T) {
	for name, end := range map[string]func(){"a panic": func() { panic("interceptor") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var transports counted
				a, b := newMember(t, "a"), newMember(t, "b", grpc.StatsHandler(&transports))
				o := &observer{}
				dial := grpc.WithStreamInterceptor(func(
					parent context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
				) (grpc.ClientStream, error) {
					s, err := open(parent, desc, cc, method, opts...)
					end()
					return s, err
				})
				c, err := conn.Open(t.Context(), "", endpoints(a), network(a, b), conn.WithHooks(o), conn.WithDialOptions(dial))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				var opening sync.WaitGroup
				opening.Add(1)
				go func() {
					defer opening.Done()
					defer func() { _ = recover() }()
					// The address is no endpoint of the connection, so it is dialled for this stream alone.
					_, _ = pb.NewMaintenanceClient(c).Snapshot(t.Context(), &pb.SnapshotRequest{}, conn.OnEndpoint("b:1"))
				}()
				opening.Wait()
				synctest.Wait()
				if n := transports.open.Load(); n != 0 {
					t.Errorf("%d connections for streams that are over", n)
				}
				streams := o.ended()
				if len(streams) != 1 || streams[0].err == nil || !strings.Contains(streams[0].err.Error(), "cut off") {
					t.Errorf("the streams are %+v", streams)
				}
			})
		})
	}
}
