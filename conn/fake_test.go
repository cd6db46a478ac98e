// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// member replaces an etcd member in tests for which a real one cannot be made to fail, or that run on a fake clock. It
// lives in memory, so a synctest bubble can hold it.
type member struct {
	pb.UnimplementedKVServer
	pb.UnimplementedMaintenanceServer
	pb.UnimplementedWatchServer
	pb.UnimplementedAuthServer
	pb.UnimplementedClusterServer

	name    string
	leader  atomic.Uint64
	checks  atomic.Int64  // health checks seen
	probes  atomic.Int64  // health checks and status requests answered
	calls   atomic.Int64  // KV requests seen
	logins  atomic.Int64  // authentications
	token   string        // what they get
	lag     time.Duration // from an authentication until the member knows of its token; 0: it never asks for one
	dials   atomic.Int64  // connections made
	opts    []grpc.ServerOption
	plain   bool   // it holds no elections, as kine
	creates bool   // it creates watches as they are asked for, instead of one for each stream
	blob    []byte // of a snapshot

	mu       sync.Mutex
	listener *bufconn.Listener
	refused  *bufconn.Listener // the one that refuse took away
	server   *grpc.Server
	health   func() (healthpb.HealthCheckResponse_ServingStatus, error)
	status   error
	knows    time.Time                          // from when on it takes the token
	kv       func(parent context.Context) error // what a KV request meets; nil answers
	members  []*pb.Member
	silent   chan struct{}  // while open, nothing is answered
	conns    []*forgettable // made since the last drop
}

func newMember(t *testing.T, name string, opts ...grpc.ServerOption) *member {
	m := &member{name: name, opts: opts}
	m.leader.Store(1)
	m.start()
	t.Cleanup(m.stop)
	return m
}

func (m *member) start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listener = bufconn.Listen(1 << 16)
	m.server = grpc.NewServer(m.opts...)
	pb.RegisterKVServer(m.server, m)
	pb.RegisterMaintenanceServer(m.server, m)
	pb.RegisterWatchServer(m.server, m)
	pb.RegisterAuthServer(m.server, m)
	pb.RegisterClusterServer(m.server, m)
	healthpb.RegisterHealthServer(m.server, &memberHealth{member: m})
	server, listener := m.server, m.listener
	go func() { _ = server.Serve(listener) }()
}

func (m *member) stop() {
	m.resume()
	m.mu.Lock()
	server := m.server
	m.server, m.listener = nil, nil
	m.mu.Unlock()
	if server != nil {
		server.Stop()
	}
}

// refuse makes the member accept no further connections.
func (m *member) refuse() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused, m.listener = m.listener, nil
}

// restore undoes refuse.
func (m *member) restore() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listener = m.refused
}

// drop closes the connections to the member.
func (m *member) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		c.Close()
	}
	m.conns = nil
}

// swallow makes the connections to the member lose what is sent from now on, while they seem to be open.
func (m *member) swallow() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		c.forgotten.Store(true)
	}
}

// forgettable is a connection that a NAT may forget.
type forgettable struct {
	net.Conn
	forgotten atomic.Bool
}

func (f *forgettable) Write(b []byte) (int, error) {
	if f.forgotten.Load() {
		return len(b), nil
	}
	return f.Conn.Write(b)
}

// slowly answers KV requests after d.
func slowly(d time.Duration) func(context.Context) error {
	return func(parent context.Context) error {
		select {
		case <-time.After(d):
		case <-parent.Done():
		}
		return nil
	}
}

// pause makes the member accept requests and answer none, as a stopped process does.
func (m *member) pause() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = make(chan struct{})
}

func (m *member) resume() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.silent != nil {
		close(m.silent)
		m.silent = nil
	}
}

func (m *member) wait(parent context.Context) error {
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

func (m *member) answerKV(f func(parent context.Context) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kv = f
}

func (m *member) answerHealth(f func() (healthpb.HealthCheckResponse_ServingStatus, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.health = f
}

func (m *member) answerStatus(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status = err
}

// memberHealth is the member's health service. It is a separate type because it has a method Watch of its own.
type memberHealth struct {
	healthpb.UnimplementedHealthServer
	*member
}

func (m *memberHealth) Watch(*healthpb.HealthCheckRequest, grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	return status.Error(codes.Unimplemented, "not needed")
}

func (m *memberHealth) Check(parent context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	m.checks.Add(1)
	if err := m.wait(parent); err != nil {
		return nil, err
	}
	m.mu.Lock()
	health := m.health
	m.mu.Unlock()
	if health == nil {
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
	}
	s, err := health()
	return &healthpb.HealthCheckResponse{Status: s}, err
}

func (m *member) Status(parent context.Context, _ *pb.StatusRequest) (*pb.StatusResponse, error) {
	if err := m.wait(parent); err != nil {
		return nil, err
	}
	m.probes.Add(1)
	if err := m.admit(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plain {
		return &pb.StatusResponse{Header: &pb.ResponseHeader{}, Version: "3.5.13"}, m.status
	}
	return &pb.StatusResponse{
		Header: &pb.ResponseHeader{MemberId: id(m.name)}, Leader: m.leader.Load(), Version: "3.7.3",
	}, m.status
}

// admit refuses the token while the member does not know it.
func (m *member) admit() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lag > 0 && time.Now().Before(m.knows) {
		return status.Error(codes.Unauthenticated, "etcdserver: invalid auth token")
	}
	return nil
}

// forget makes the member refuse the token until there is another one and it has had time to learn of it.
func (m *member) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.knows = time.Now().Add(time.Hour)
}

func (m *member) serve(parent context.Context) error {
	m.calls.Add(1)
	if err := m.wait(parent); err != nil {
		return err
	}
	if md, ok := metadata.FromIncomingContext(parent); ok && len(md.Get("hasleader")) > 0 && m.leader.Load() == 0 {
		return status.Error(codes.Unavailable, "etcdserver: no leader")
	}
	if err := m.admit(); err != nil {
		return err
	}
	m.mu.Lock()
	kv := m.kv
	m.mu.Unlock()
	if kv == nil {
		return nil
	}
	return kv(parent)
}

// Range answers with the member's name as the only value.
func (m *member) Range(parent context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	if err := m.serve(parent); err != nil {
		return nil, err
	}
	return &pb.RangeResponse{Count: int64(len(m.name)), Header: &pb.ResponseHeader{MemberId: id(m.name)}}, nil
}

func (m *member) Put(parent context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	if err := m.serve(parent); err != nil {
		return nil, err
	}
	return &pb.PutResponse{Header: &pb.ResponseHeader{MemberId: id(m.name)}}, nil
}

func (m *member) Authenticate(context.Context, *pb.AuthenticateRequest) (*pb.AuthenticateResponse, error) {
	m.logins.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.knows = time.Now().Add(m.lag)
	return &pb.AuthenticateResponse{Token: m.token}, nil
}

// list sets the members of the cluster: their client URLs by name.
func (m *member) list(urls map[string][]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.members = nil
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		m.members = append(m.members, &pb.Member{ID: id(name), Name: name, ClientURLs: urls[name]})
	}
}

func (m *member) MemberList(context.Context, *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &pb.MemberListResponse{Members: m.members}, nil
}

func (m *member) Watch(s grpc.BidiStreamingServer[pb.WatchRequest, pb.WatchResponse]) error {
	if err := m.admit(); err != nil {
		return err
	}
	for m.creates {
		r, err := s.Recv()
		if err != nil {
			return err
		}
		if create := r.GetCreateRequest(); create != nil {
			if err := s.Send(&pb.WatchResponse{Created: true, WatchId: create.GetWatchId()}); err != nil {
				return err
			}
		}
	}
	if err := s.Send(&pb.WatchResponse{Created: true}); err != nil {
		return err
	}
	<-s.Context().Done()
	return s.Context().Err()
}

func (m *member) Snapshot(_ *pb.SnapshotRequest, s grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
	return s.Send(&pb.SnapshotResponse{Blob: m.blob})
}

func id(name string) uint64 { return uint64(name[len(name)-1]) }

// dialled records a connection.
func (m *member) dialled(nc net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	m.dials.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	f := &forgettable{Conn: nc}
	m.conns = append(m.conns, f)
	return f, nil
}

// dialer connects an endpoint of the form NAME:1 to the member of that name. A name that begins with void swallows
// packets.
func dialer(members ...*member) conn.Option {
	return conn.WithDialOptions(grpc.WithContextDialer(func(parent context.Context, target string) (net.Conn, error) {
		for _, m := range members {
			if m.name+":1" != target {
				continue
			}
			m.mu.Lock()
			listener := m.listener
			m.mu.Unlock()
			if listener == nil {
				return nil, fmt.Errorf("dial %s: connection refused", target)
			}
			return m.dialled(listener.DialContext(parent))
		}
		if strings.HasPrefix(target, "void") {
			<-parent.Done()
			return nil, parent.Err()
		}
		return nil, fmt.Errorf("dial %s: no such host", target)
	}))
}

func endpoints(members ...*member) []string {
	var list []string
	for _, m := range members {
		list = append(list, m.name+":1")
	}
	return list
}

// openFake opens a connection to fake members. It closes with the test.
func openFake(t *testing.T, members []*member, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(context.Background(), "", endpoints(members...), append([]conn.Option{dialer(members...)}, opts...)...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func states(c *conn.Conn) map[string]conn.State {
	m := map[string]conn.State{}
	for _, e := range c.Info() {
		m[e.Address] = e.State
	}
	return m
}
