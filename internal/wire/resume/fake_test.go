// SPDX-License-Identifier: Apache-2.0

package resume

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// server is a fake member whose streams end as the test says.
type server struct {
	*fakemember.Member
	pb.UnimplementedLeaseServer

	mu     sync.Mutex
	opened []time.Time
	handle func(n int, life context.Context) error // what becomes of stream n, from 0
}

func newServer(t *testing.T, handle func(n int, life context.Context) error) *server {
	s := &server{Member: fakemember.New(t, "a"), handle: handle}
	s.Serve(s)
	return s
}

func (s *server) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
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
	c, err := engine.Lookup(fakemember.Open(t, []*server{s}).Name())
	if err != nil {
		t.Fatal(err)
	}
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
