// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/presence"
)

// slowMember is a fake member that carries out each grant long after the client has given it up. A real one does so rarely.
type slowMember struct {
	*fakemember.Member
	pb.UnimplementedKVServer
	pb.UnimplementedLeaseServer
	pb.UnimplementedWatchServer

	lag time.Duration

	mu      sync.Mutex
	leases  map[int64]bool
	granted int // ever
}

func (m *slowMember) Range(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
	return &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 1}}, nil
}

func (m *slowMember) Watch(s grpc.BidiStreamingServer[pb.WatchRequest, pb.WatchResponse]) error {
	for {
		r, err := s.Recv()
		if err != nil {
			return err
		}
		create := r.GetCreateRequest()
		if create == nil {
			continue
		}
		response := &pb.WatchResponse{Header: &pb.ResponseHeader{Revision: 1}, WatchId: create.WatchId, Created: true}
		if err := s.Send(response); err != nil {
			return err
		}
	}
}

func (m *slowMember) LeaseGrant(parent context.Context, r *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	time.AfterFunc(m.lag, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.leases[r.ID] = true
		m.granted++
	})
	<-parent.Done()
	return nil, parent.Err()
}

func (m *slowMember) LeaseRevoke(_ context.Context, r *pb.LeaseRevokeRequest) (*pb.LeaseRevokeResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.leases[r.ID] {
		return nil, status.Error(codes.NotFound, "etcdserver: requested lease not found")
	}
	delete(m.leases, r.ID)
	return &pb.LeaseRevokeResponse{Header: &pb.ResponseHeader{Revision: 1}}, nil
}

func (m *slowMember) counts() (granted, left int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.granted, len(m.leases)
}

func TestLeaseOfALateGrantIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &slowMember{Member: fakemember.New(t, "a"), lag: 20 * time.Second, leases: map[int64]bool{}}
		m.Serve(m)
		c := fakemember.Open(t, []*slowMember{m}, fakemember.Dialer(m))
		_, err := presence.Keep(t.Context(), presence.New(c.Name()).WithKey("a").WithTimeout(10*time.Second), time.Hour)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if granted, _ := m.counts(); granted != 0 {
			t.Fatalf("%d leases were granted before Keep gave up", granted)
		}
		time.Sleep(2 * time.Minute)
		if granted, left := m.counts(); granted == 0 || left != 0 {
			t.Errorf("of %d leases that were granted late, %d are left", granted, left)
		}
	})
}
