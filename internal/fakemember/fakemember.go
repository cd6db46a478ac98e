// SPDX-License-Identifier: Apache-2.0

// Package fakemember is an etcd member in memory, for faults that a real one cannot be made to show, and for a fake clock: it
// needs no network, so a synctest bubble can hold it. Only tests import it.
//
// A member answers health checks and requests for its status. A test gives it more services by a type of its own, and replaces
// what it has in the same way:
//
//	type member struct {
//		*fakemember.Member
//		pb.UnimplementedKVServer
//	}
//
//	func newMember(t *testing.T, name string) *member {
//		m := &member{Member: fakemember.New(t, name)}
//		m.Serve(m)
//		return m
//	}
package fakemember

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// Member is a fake member. Its methods are safe for concurrent use.
type Member struct {
	pb.UnimplementedMaintenanceServer

	Name    string
	Version string        // that its status tells; 3.7.3 unless set before the member is dialled
	Leader  atomic.Uint64 // that its status names; 1 unless set, 0 for none
	Dials   atomic.Int64  // connections made
	Checks  atomic.Int64  // health checks seen
	Probes  atomic.Int64  // status requests answered

	t        *testing.T
	services any
	opts     []grpc.ServerOption
	serving  sync.WaitGroup

	mu       sync.Mutex
	server   *grpc.Server
	listener *bufconn.Listener     // nil while no connection is accepted
	refused  *bufconn.Listener     // the one that Refuse took away
	conns    map[*forgettable]bool // open ones
	silent   chan struct{}         // while open, nothing is answered
	health   func() (healthpb.HealthCheckResponse_ServingStatus, error)
	status   error
}

// New returns a member that begins with Serve and stops with the test.
func New(t *testing.T, name string, opts ...grpc.ServerOption) *Member {
	m := &Member{Name: name, Version: "3.7.3", t: t, opts: opts, conns: map[*forgettable]bool{}}
	m.Leader.Store(1)
	t.Cleanup(m.Stop)
	return m
}

// Serve starts the member. It serves each of etcd's services that the type of services has.
func (m *Member) Serve(services any) {
	m.services = services
	m.Start()
}

// ID is the ID of the member of that name.
func ID(name string) uint64 { return uint64(name[len(name)-1]) }

// Start starts the member again after Stop.
func (m *Member) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	pings := keepalive.EnforcementPolicy{MinTime: 5 * time.Second} // as in etcd
	server := grpc.NewServer(append([]grpc.ServerOption{grpc.KeepaliveEnforcementPolicy(pings)}, m.opts...)...)
	listener := bufconn.Listen(1 << 16)
	m.server, m.listener = server, listener
	healthpb.RegisterHealthServer(server, &health{m: m})
	if s, ok := m.services.(pb.MaintenanceServer); ok {
		pb.RegisterMaintenanceServer(server, s)
	} else {
		pb.RegisterMaintenanceServer(server, m)
	}
	if s, ok := m.services.(pb.KVServer); ok {
		pb.RegisterKVServer(server, s)
	}
	if s, ok := m.services.(pb.WatchServer); ok {
		pb.RegisterWatchServer(server, s)
	}
	if s, ok := m.services.(pb.LeaseServer); ok {
		pb.RegisterLeaseServer(server, s)
	}
	if s, ok := m.services.(pb.ClusterServer); ok {
		pb.RegisterClusterServer(server, s)
	}
	if s, ok := m.services.(pb.AuthServer); ok {
		pb.RegisterAuthServer(server, s)
	}
	m.serving.Go(func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // by a Stop that came first
			m.t.Errorf("fake member %s: %v", m.Name, err)
		}
	})
}

// Stop ends the member as a killed process ends.
func (m *Member) Stop() {
	m.Resume()
	m.mu.Lock()
	server := m.server
	m.server, m.listener = nil, nil
	m.mu.Unlock()
	if server != nil {
		server.Stop()
	}
	m.serving.Wait()
}

// Pause makes the member accept requests and answer none, as a stopped process does.
func (m *Member) Pause() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = make(chan struct{})
}

// Resume undoes Pause.
func (m *Member) Resume() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.silent != nil {
		close(m.silent)
		m.silent = nil
	}
}

// Wait waits while the member is paused. Services call it before they answer.
func (m *Member) Wait(parent context.Context) error {
	m.mu.Lock()
	silent := m.silent
	m.mu.Unlock()
	if silent == nil {
		return nil
	}
	select {
	case <-silent:
		return nil
	case <-parent.Done():
		return status.FromContextError(parent.Err()).Err()
	}
}

// AnswerHealth makes f answer the health checks. With nil the member is SERVING.
func (m *Member) AnswerHealth(f func() (healthpb.HealthCheckResponse_ServingStatus, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.health = f
}

// AnswerStatus makes the member refuse requests for its status with an error. With nil it answers them.
func (m *Member) AnswerStatus(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status = err
}

// Status answers with the ID, the leader and the version of the member.
func (m *Member) Status(parent context.Context, _ *pb.StatusRequest) (*pb.StatusResponse, error) {
	if err := m.Wait(parent); err != nil {
		return nil, err
	}
	m.Probes.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.status != nil {
		return nil, m.status
	}
	return &pb.StatusResponse{Header: &pb.ResponseHeader{MemberId: ID(m.Name)}, Leader: m.Leader.Load(), Version: m.Version}, nil
}

// health is the health service of a member. It is gRPC's, and has a method Watch of its own.
type health struct {
	healthpb.UnimplementedHealthServer
	m *Member
}

func (*health) Watch(*healthpb.HealthCheckRequest, grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	return status.Error(codes.Unimplemented, "not needed")
}

func (h *health) Check(parent context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	h.m.Checks.Add(1)
	if err := h.m.Wait(parent); err != nil {
		return nil, err
	}
	h.m.mu.Lock()
	answer := h.m.health
	h.m.mu.Unlock()
	if answer == nil {
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
	}
	s, err := answer()
	return &healthpb.HealthCheckResponse{Status: s}, err
}
