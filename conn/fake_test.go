// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
)

// member is a fake member with the services that the tests of a connection need.
type member struct {
	*fakemember.Member
	pb.UnimplementedKVServer
	pb.UnimplementedWatchServer
	pb.UnimplementedAuthServer
	pb.UnimplementedClusterServer

	calls   atomic.Int64  // KV requests seen
	logins  atomic.Int64  // authentications
	token   string        // what they get
	lag     time.Duration // from an authentication until the member knows of its token; 0: it never asks for one
	plain   bool          // it holds no elections, as kine
	creates bool          // it creates watches as they are asked for, instead of one for each stream
	blob    []byte        // of a snapshot

	mu      sync.Mutex
	knows   time.Time                          // from when on it takes the token
	kv      func(parent context.Context) error // what a KV request meets; nil answers
	members []*pb.Member
}

func newMember(t *testing.T, name string, opts ...grpc.ServerOption) *member {
	m := &member{Member: fakemember.New(t, name, opts...)}
	m.Serve(m)
	return m
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

func (m *member) answerKV(f func(parent context.Context) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kv = f
}

func (m *member) Status(parent context.Context, r *pb.StatusRequest) (*pb.StatusResponse, error) {
	answer, err := m.Member.Status(parent, r)
	if err == nil {
		err = m.admit()
	}
	if m.plain {
		answer = &pb.StatusResponse{Header: &pb.ResponseHeader{}, Version: "3.5.13"}
	}
	return answer, err
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
	if err := m.Wait(parent); err != nil {
		return err
	}
	if md, ok := metadata.FromIncomingContext(parent); ok && len(md.Get("hasleader")) > 0 && m.Leader.Load() == 0 {
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
	return &pb.RangeResponse{Count: int64(len(m.Name)), Header: &pb.ResponseHeader{MemberId: id(m.Name)}}, nil
}

// Txn answers each read as Range does.
func (m *member) Txn(parent context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	if err := m.serve(parent); err != nil {
		return nil, err
	}
	answer := &pb.TxnResponse{Succeeded: true, Header: &pb.ResponseHeader{MemberId: id(m.Name)}}
	for range r.GetSuccess() {
		answer.Responses = append(answer.Responses, &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{
			ResponseRange: &pb.RangeResponse{Count: int64(len(m.Name))},
		}})
	}
	return answer, nil
}

func (m *member) Put(parent context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	if err := m.serve(parent); err != nil {
		return nil, err
	}
	return &pb.PutResponse{Header: &pb.ResponseHeader{MemberId: id(m.Name)}}, nil
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

func id(name string) uint64 { return fakemember.ID(name) }

func network(members ...*member) conn.Option { return fakemember.Network(members...) }

func endpoints(members ...*member) []string { return fakemember.Endpoints(members...) }

func openFake(t *testing.T, members []*member, opts ...conn.Option) *conn.Conn {
	t.Helper()
	return fakemember.Open(t, members, opts...)
}

func states(c *conn.Conn) map[string]conn.State {
	m := map[string]conn.State{}
	for _, e := range c.Info() {
		m[e.Address] = e.State
	}
	return m
}
