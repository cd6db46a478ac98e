// SPDX-License-Identifier: Apache-2.0

package resume

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// server is a member in memory whose streams end as the test says.
type server struct {
	pb.UnimplementedMaintenanceServer
	pb.UnimplementedLeaseServer
	healthpb.UnimplementedHealthServer

	mu       sync.Mutex
	listener *bufconn.Listener // nil while it is down
	server   *grpc.Server
	opened   []time.Time
	handle   func(n int, life context.Context) error // what becomes of stream n, from 0
}

func newServer(t *testing.T, handle func(n int, life context.Context) error) *server {
	s := &server{handle: handle}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server, s.listener = grpc.NewServer(), bufconn.Listen(1<<16)
	pb.RegisterMaintenanceServer(s.server, s)
	pb.RegisterLeaseServer(s.server, s)
	healthpb.RegisterHealthServer(s.server, s)
	server, listener := s.server, s.listener
	go func() { _ = server.Serve(listener) }()
}

func (s *server) stop() {
	s.mu.Lock()
	server := s.server
	s.server, s.listener = nil, nil
	s.mu.Unlock()
	if server != nil {
		server.Stop()
	}
}

func (s *server) dial(parent context.Context, _ string) (net.Conn, error) {
	s.mu.Lock()
	listener := s.listener
	s.mu.Unlock()
	if listener == nil {
		return nil, errors.New("connection refused")
	}
	return listener.DialContext(parent)
}

func (s *server) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

func (s *server) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return &pb.StatusResponse{Header: &pb.ResponseHeader{MemberId: 1}, Leader: 1}, nil
}

func (s *server) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

func (s *server) LeaseKeepAlive(stream grpc.BidiStreamingServer[pb.LeaseKeepAliveRequest, pb.LeaseKeepAliveResponse]) error {
	s.mu.Lock()
	n := len(s.opened)
	s.opened = append(s.opened, time.Now())
	s.mu.Unlock()
	return s.handle(n, stream.Context())
}

// open opens a connection to the server, and returns a stream of it that is not opened yet.
func open(t *testing.T, s *server) Stream {
	t.Helper()
	config := engine.Default()
	config.Dial = []grpc.DialOption{grpc.WithContextDialer(s.dial)}
	addresses, err := member.ParseAddresses([]string{"a:1"}, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Open(t.Context(), "", addresses, config, func(*engine.Conn) any { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return Stream{Route: wire.Route{Conn: c}, Desc: &pb.Lease_ServiceDesc.Streams[0], Method: pb.Lease_LeaseKeepAlive_FullMethodName}
}

// read is a service that reads until its stream ends.
func read(_ context.Context, stream engine.Stream) error {
	for {
		if err := stream.RecvMsg(new(pb.LeaseKeepAliveResponse)); err != nil {
			if errors.Is(err, io.EOF) {
				return errors.New("the server has ended the stream")
			}
			return err
		}
	}
}

// silent is a server that leaves a stream open.
func silent(_ int, life context.Context) error {
	<-life.Done()
	return life.Err()
}

func ignore(error) {}
