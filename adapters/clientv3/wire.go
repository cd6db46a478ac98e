// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

// unlimited replaces the connection's default timeout for calls without a deadline. clientv3 has no default, and some programs
// read for longer than that. The server's own timeout, the health checks and the connection's patience bound such a call.
const unlimited = 365 * 24 * time.Hour

// answered replaces it for calls that etcd itself ends after about 7 s. A member without a leader refuses them at once, and the
// connection sends them again until their deadline. While the cluster has no majority that would be forever.
const answered = 30 * time.Second

// lengthy are the other calls: they take longer the more data there is, or wait for other clients.
var lengthy = map[string]bool{
	etcdserverpb.KV_Range_FullMethodName:               true,
	etcdserverpb.KV_Compact_FullMethodName:             true,
	etcdserverpb.Maintenance_Defragment_FullMethodName: true,
	etcdserverpb.Maintenance_Hash_FullMethodName:       true,
	etcdserverpb.Maintenance_HashKV_FullMethodName:     true,
	v3lockpb.Lock_Lock_FullMethodName:                  true,
	v3electionpb.Election_Campaign_FullMethodName:      true,
}

// between is the pause before another attempt after an outage that WaitReady says is over.
const between = 20 * time.Millisecond

// errEnded is what gRPC returns on a closed connection, which clientv3.IsConnCanceled recognises.
var errEnded = status.Error(codes.Canceled, "grpc: the client connection is closing")

var errNoContext = status.Error(codes.InvalidArgument, "adapter: the context is nil")

// wire carries the calls of etcd's generated stubs over a connection, with the waiting and the errors of clientv3.
type wire struct {
	conn *conn.Conn
	life context.Context // of the client; nil: that of the connection
	// endpoint is where calls go; "": to any. A call with an endpoint does not wait longer than the connection does.
	endpoint string
}

var _ grpc.ClientConnInterface = (*wire)(nil)

// closed returns an error if the connection has left its name, which Close does first.
func (w *wire) closed() error {
	if w.conn == nil {
		return conn.ErrNotOpen
	}
	if now, err := conn.Lookup(w.conn.Name()); err != nil || now != w.conn {
		return fmt.Errorf("%w: %q", conn.ErrClosed, w.conn.Name())
	}
	return nil
}

// named makes a request of this SDK, which goes to the connection that has a name at that moment. A connection that has left its
// name never gets it back. So if it has the name after the request, it had it all the time. Otherwise the answer may be that of
// another connection, and drop is called with it.
func named[T any](w *wire, request func(name string) (T, error), drop func(T)) (answer T, err error) {
	if err := w.closed(); err != nil {
		return answer, err
	}
	answer, err = request(w.conn.Name())
	if closed := w.closed(); closed != nil {
		if err == nil {
			drop(answer)
		}
		var none T
		return none, closed
	}
	return answer, err
}

func (w *wire) Invoke(parent context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, end, err := w.bound(parent)
	if err != nil {
		return err
	}
	defer end()
	opts = w.options(ctx, method, opts)
	try := func() error { return invoke(ctx, w.conn, method, args, reply, opts) }
	return w.failed(parent, w.through(ctx, try))
}

func (w *wire) NewStream(
	parent context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	ctx, end, err := w.bound(parent)
	if err != nil {
		return nil, err
	}
	if w.endpoint != "" {
		opts = append(opts[:len(opts):len(opts)], conn.OnEndpoint(w.endpoint))
	}
	opts = append(opts[:len(opts):len(opts)], grpc.OnFinish(func(error) { end() }))
	opened := false
	defer func() {
		if !opened { // also where an interceptor panics
			end()
		}
	}()
	var s grpc.ClientStream
	err = w.through(ctx, func() (err error) {
		s, err = w.conn.NewStream(ctx, desc, method, opts...)
		return err
	})
	if err != nil {
		return nil, w.failed(parent, err)
	}
	opened = true
	return &stream{s, w, parent}, nil
}

// bound returns a context that ends with parent and with the client.
func (w *wire) bound(parent context.Context) (ctx context.Context, end func(), err error) {
	switch {
	case w.conn == nil:
		return nil, nil, conn.ErrNotOpen
	case parent == nil:
		return nil, nil, errNoContext
	case w.life == nil:
		return parent, func() {}, nil
	case w.life.Err() != nil:
		return nil, nil, errEnded
	}
	ctx, cancel := context.WithCancel(parent)
	stop := context.AfterFunc(w.life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}, nil
}

func (w *wire) options(ctx context.Context, method string, opts []grpc.CallOption) []grpc.CallOption {
	if _, bounded := ctx.Deadline(); !bounded {
		limit := answered
		if lengthy[method] {
			limit = unlimited
		}
		opts = append(opts[:len(opts):len(opts)], conn.Within(limit))
	}
	if w.endpoint != "" {
		opts = append(opts[:len(opts):len(opts)], conn.OnEndpoint(w.endpoint))
	}
	return opts
}

// through tries until an outage of the connection is over, as long as a context with a deadline allows. With any other context it tries
// until the connection's patience has run out. A request that met an outage had no effect, so it may be repeated.
func (w *wire) through(ctx context.Context, try func() error) error {
	for {
		began := time.Now()
		err := try()
		if !errors.Is(err, conn.ErrUnavailable) || w.endpoint != "" {
			return err
		}
		if _, bounded := ctx.Deadline(); !bounded {
			if time.Since(began) < answered || ctx.Err() != nil {
				return err
			}
			continue // the time of this call was up before the patience
		}
		if err := w.recovered(ctx); err != nil {
			return err
		}
	}
}

// recovered waits until the connection has an Active endpoint. It returns an error if ctx or the connection ends first.
func (w *wire) recovered(ctx context.Context) error {
	if err := w.conn.WaitReady(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(between)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failed returns the error of a call as clientv3 expects it. The message of a server stays as it is, since clientv3 recognises
// rpctypes errors by it. A call that its context ended is told by the status of the context alone.
func (w *wire) failed(parent context.Context, err error) error {
	if err == nil {
		return nil
	}
	if w.life != nil && w.life.Err() != nil && parent.Err() == nil && errors.Is(err, context.Canceled) {
		return errEnded
	}
	if deadline, ok := parent.Deadline(); ok && errors.Is(err, context.DeadlineExceeded) && time.Until(deadline) < between {
		<-parent.Done() // the other timer for the same moment
	}
	if ended := parent.Err(); ended != nil && errors.Is(err, ended) {
		return status.FromContextError(ended).Err()
	}
	return err
}

// stream returns the errors of wire.failed.
type stream struct {
	grpc.ClientStream
	wire   *wire
	parent context.Context
}

func (s *stream) SendMsg(m any) error { return s.wire.failed(s.parent, s.ClientStream.SendMsg(m)) }

func (s *stream) RecvMsg(m any) error { return s.wire.failed(s.parent, s.ClientStream.RecvMsg(m)) }
