// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/watch"
)

// member is a fake member whose streams of watches the test answers itself.
type member struct {
	*fakemember.Member
	pb.UnimplementedWatchServer
	pb.UnimplementedKVServer

	streams chan *serverStream                       // opened by the client and not taken by the test yet
	deaf    atomic.Bool                              // reads nothing from new streams
	read    func(*pb.RangeRequest) *pb.RangeResponse // nil: it serves no reads
}

func newMember(t *testing.T, name string) *member {
	m := &member{Member: fakemember.New(t, name), streams: make(chan *serverStream, 100)}
	m.Serve(m)
	return m
}

func (m *member) Range(parent context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	if m.read == nil {
		return m.UnimplementedKVServer.Range(parent, r)
	}
	return m.read(r), nil
}

// Watch leaves the stream to the test.
func (m *member) Watch(grpcStream grpc.BidiStreamingServer[pb.WatchRequest, pb.WatchResponse]) error {
	md, _ := metadata.FromIncomingContext(grpcStream.Context())
	s := &serverStream{stream: grpcStream, metadata: md, requests: make(chan *pb.WatchRequest, 10_000), over: make(chan error, 1)}
	m.streams <- s
	go func() { // which ends with the stream
		if m.deaf.Load() {
			<-grpcStream.Context().Done()
		}
		for {
			r, err := grpcStream.Recv()
			if err != nil {
				close(s.requests)
				return
			}
			if r.GetProgressRequest() != nil {
				s.asked.Add(1)
				continue
			}
			s.requests <- r
		}
	}()
	select {
	case err := <-s.over:
		return err
	case <-grpcStream.Context().Done():
		return status.FromContextError(grpcStream.Context().Err()).Err()
	}
}

// serverStream is a member's side of a stream.
type serverStream struct {
	stream   grpc.BidiStreamingServer[pb.WatchRequest, pb.WatchResponse]
	metadata metadata.MD
	requests chan *pb.WatchRequest // but progress requests
	asked    atomic.Int64          // progress requests seen
	over     chan error
}

// opened waits for the next stream that the client opens.
func (m *member) opened() *serverStream { return <-m.streams }

// create waits for the request to create a watch.
func (s *serverStream) create(t *testing.T) *pb.WatchCreateRequest {
	t.Helper()
	r := <-s.requests
	if r.GetCreateRequest() == nil {
		t.Fatalf("the client asks for %v, want a creation", r)
	}
	return r.GetCreateRequest()
}

// cancel waits for the request to cancel a watch, and returns its ID.
func (s *serverStream) cancel(t *testing.T) int64 {
	t.Helper()
	r := <-s.requests
	if r.GetCancelRequest() == nil {
		t.Fatalf("the client asks for %v, want a cancellation", r)
	}
	return r.GetCancelRequest().WatchId
}

// cancelled confirms a cancellation.
func (s *serverStream) cancelled(t *testing.T, id int64) {
	t.Helper()
	s.send(t, &pb.WatchResponse{Header: at(1), WatchId: id, Canceled: true})
}

// confirm waits for a creation and confirms it, by a member at revision rev.
func (s *serverStream) confirm(t *testing.T, rev int64) *pb.WatchCreateRequest {
	t.Helper()
	r := s.create(t)
	s.send(t, &pb.WatchResponse{Header: at(rev), WatchId: r.WatchId, Created: true})
	return r
}

func (s *serverStream) send(t *testing.T, r *pb.WatchResponse) {
	t.Helper()
	if err := s.stream.Send(r); err != nil {
		t.Errorf("send: %v", err)
	}
	synctest.Wait()
}

// tell sends the puts of key "k" at some revisions.
func (s *serverStream) tell(t *testing.T, id int64, revs ...int64) {
	t.Helper()
	s.send(t, changes(id, revs...))
}

// progress answers a progress request on behalf of all watches.
func (s *serverStream) progress(t *testing.T, rev int64) {
	t.Helper()
	s.send(t, &pb.WatchResponse{Header: at(rev), WatchId: -1})
}

// end ends the stream.
func (s *serverStream) end(err error) { s.over <- err }

func at(rev int64) *pb.ResponseHeader { return &pb.ResponseHeader{Revision: rev} }

// changes is a response with puts of key "k" at some revisions. The values distinguish the events of one revision.
func changes(id int64, revs ...int64) *pb.WatchResponse {
	r := &pb.WatchResponse{WatchId: id, Header: at(revs[len(revs)-1])}
	for i, rev := range revs {
		r.Events = append(r.Events, &mvccpb.Event{Kv: &mvccpb.KeyValue{
			Key: []byte("k"), ModRevision: rev, Value: fmt.Appendf(nil, "%d.%d", rev, countBefore(revs[:i], rev)),
		}})
	}
	return r
}

func countBefore(revs []int64, rev int64) int {
	n := 0
	for _, r := range revs {
		if r == rev {
			n++
		}
	}
	return n
}

// openFake opens a connection to fake members. It closes with the test.
func openFake(t *testing.T, members ...*member) ctx.Ctx {
	t.Helper()
	return openFakeWith(t, nil, members...)
}

func openFakeWith(t *testing.T, opts []conn.Option, members ...*member) ctx.Ctx {
	t.Helper()
	return watch.New(fakemember.Open(t, members, opts...).Name())
}

// begin starts a watch without waiting for it to be created.
func begin(c ctx.Ctx, opts ...watch.Option) *pending {
	return beginWith(context.Background(), c, opts...)
}

func beginWith(parent context.Context, c ctx.Ctx, opts ...watch.Option) *pending {
	p := &pending{created: make(chan struct{})}
	go func() {
		defer close(p.created)
		p.w, p.err = watch.Watch(parent, c, opts...)
	}()
	return p
}

// pending is a watch that is being created.
type pending struct {
	created chan struct{}
	w       *watch.Watcher
	err     error
}

func (p *pending) wait(t *testing.T) *watch.Watcher {
	t.Helper()
	<-p.created
	if p.err != nil {
		t.Fatalf("Watch: %v", p.err)
	}
	return p.w
}
