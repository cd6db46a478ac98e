// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
)

// nowhere is the endpoint of the gRPC connection inside a shell, which is never dialled.
const nowhere = "127.0.0.1:0"

var errDial = status.Error(codes.Unimplemented,
	"adapter: a connection of Dial has no endpoint: pass conn.OnEndpoint to a stub on the conn.Conn")

// shell returns a client whose fields are all set, so that none of its methods meets a nil, and the context that its Close ends.
// clientv3 makes its gRPC connection without dialling. Interceptors take each call off it, so it is never dialled later either.
func shell(c *conn.Conn) (*clientv3.Client, context.Context) {
	w := &wire{conn: c}
	var own *grpc.ClientConn // the one of ActiveConnection; Dial makes others with the same options
	cli, err := clientv3.New(clientv3.Config{
		Endpoints: []string{nowhere},
		Logger:    zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithUnaryInterceptor(func(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn,
				_ grpc.UnaryInvoker, opts ...grpc.CallOption,
			) error {
				if cc != own {
					return errDial
				}
				return w.Invoke(ctx, method, args, reply, opts...)
			}),
			grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
				_ grpc.Streamer, opts ...grpc.CallOption,
			) (grpc.ClientStream, error) {
				if cc != own {
					return nil, errDial
				}
				return w.NewStream(ctx, desc, method, opts...)
			}),
		},
	})
	if err != nil {
		// New has no reason to fail for these options. A client without a gRPC connection lacks only the methods that need one.
		cli = clientv3.NewCtxClient(context.Background())
	} else {
		own = cli.ActiveConnection()
		cli.SetEndpoints(addresses(c)...)
	}
	w.life = cli.Ctx()
	return cli, w.life
}

func addresses(c *conn.Conn) []string {
	if c == nil {
		return nil
	}
	var all []string
	for _, endpoint := range c.Info() {
		all = append(all, endpoint.Address)
	}
	return all
}
