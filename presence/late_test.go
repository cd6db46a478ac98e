// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
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
		c := fakemember.Open(t, []*slowMember{m})
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

// network has a key's first transaction arrive only when it is released, and has its reads arrive at no time while it swallows.
type network struct {
	key      string
	swallows atomic.Bool
	held     atomic.Bool   // the transaction has been sent
	release  chan struct{} // closed to have it arrive
	arrived  chan error
}

func (n *network) unary(
	parent context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	switch r := request.(type) {
	case *pb.RangeRequest:
		if string(r.Key) == n.key && n.swallows.Load() {
			return unanswered(parent, opts)
		}
	case *pb.TxnRequest:
		if string(r.GetSuccess()[0].GetRequestPut().GetKey()) == n.key && n.held.CompareAndSwap(false, true) {
			go func() {
				<-n.release
				n.arrived <- invoke(context.WithoutCancel(parent), method, request, new(pb.TxnResponse), cc)
			}()
			return unanswered(parent, opts)
		}
	}
	return invoke(parent, method, request, reply, cc, opts...)
}

// unanswered waits for the end of a call whose request has been sent.
func unanswered(parent context.Context, opts []grpc.CallOption) error {
	for _, o := range opts {
		if p, ok := o.(grpc.PeerCallOption); ok {
			p.PeerAddr.Addr = &net.TCPAddr{}
		}
	}
	<-parent.Done()
	return status.FromContextError(parent.Err()).Err()
}

func TestLateKeyOfASessionIsDeletedByWhoeverHadItLast(t *testing.T) {
	t.Parallel()
	key := t.Name() + "/late"
	n := &network{key: key, release: make(chan struct{}), arrived: make(chan error, 1)}
	cluster := etcdtest.Start(t)
	name := open(t, cluster, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(n.unary)))
	c := presence.New(name).WithKey(t.Name())
	s := keep(t, c, time.Minute)
	brief := c.WithKey(key).WithTimeout(300 * time.Millisecond)
	for !n.held.Load() {
		if _, err := presence.Keep(t.Context(), brief.WithValue("a"), 0, presence.WithSession(s)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Keep whose put gets no answer: %v", err)
		}
	}
	n.swallows.Store(true)
	_, err := presence.Keep(t.Context(), brief.WithValue("b"), 0, presence.WithSession(s))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Keep that cannot read its key: %v", err)
	}
	n.swallows.Store(false)
	time.Sleep(4 * time.Second) // the second one has left by now
	close(n.release)
	if err := <-n.arrived; err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); at(t, c.WithKey(key)) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > patience/2 {
			t.Fatal("the key is left under the lease of the session")
		}
	}
}
