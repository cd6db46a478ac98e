// SPDX-License-Identifier: Apache-2.0

//go:build !race

package allocs

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/watch"
)

// member is a fake member with an empty store. It knows every lease.
type member struct {
	*fakemember.Member
	pb.UnimplementedKVServer
	pb.UnimplementedLeaseServer
	pb.UnimplementedWatchServer
}

func newMember(t *testing.T, name string, opts ...grpc.ServerOption) *member {
	m := &member{Member: fakemember.New(t, name, opts...)}
	m.Serve(m)
	return m
}

func (m *member) header() *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: 1, MemberId: fakemember.ID(m.Name), Revision: 1, RaftTerm: 1}
}

func (m *member) Range(parent context.Context, _ *pb.RangeRequest) (*pb.RangeResponse, error) {
	return &pb.RangeResponse{Header: m.header()}, m.Wait(parent)
}

func (m *member) LeaseKeepAlive(s grpc.BidiStreamingServer[pb.LeaseKeepAliveRequest, pb.LeaseKeepAliveResponse]) error {
	for {
		r, err := s.Recv()
		if err != nil {
			return err
		}
		if err := m.Wait(s.Context()); err != nil {
			return err
		}
		if err := s.Send(&pb.LeaseKeepAliveResponse{Header: m.header(), ID: r.ID, TTL: 3600}); err != nil {
			return err
		}
	}
}

func (m *member) Watch(s grpc.BidiStreamingServer[pb.WatchRequest, pb.WatchResponse]) error {
	for {
		r, err := s.Recv()
		if err != nil {
			return err
		}
		if err := m.Wait(s.Context()); err != nil {
			return err
		}
		answer := &pb.WatchResponse{Header: m.header(), WatchId: -1}
		switch create := r.GetCreateRequest(); {
		case create != nil:
			answer.Created, answer.WatchId = true, create.WatchId
		case r.GetCancelRequest() != nil:
			answer.Canceled, answer.WatchId = true, r.GetCancelRequest().WatchId
		}
		if err := s.Send(answer); err != nil {
			return err
		}
	}
}

// faults are ways to lose the connections to all members, which are well again in the end.
var faults = map[string]func(c *conn.Conn, members []*member){
	"broken":    each(func(m *member) { m.Drop() }),
	"forgotten": each(func(m *member) { m.Swallow() }),
	"retired":   each(func(*member) { time.Sleep(retirement) }),
	"restarted": each(func(m *member) { m.Stop(); m.Start() }),
	"refused": func(c *conn.Conn, members []*member) {
		each(func(m *member) { m.Refuse(); m.Drop() })(c, members)
		time.Sleep(time.Second)
		each(func(m *member) { m.Restore() })(c, members)
	},
	"without a leader": func(c *conn.Conn, members []*member) {
		each(func(m *member) { m.Leader.Store(0) })(c, members)
		time.Sleep(checked)
		each(func(m *member) { m.Leader.Store(1) })(c, members)
	},
	"replaced": func(c *conn.Conn, members []*member) {
		all := fakemember.Endpoints(members...)
		for _, some := range [][]string{all[:1], all[1:], all} {
			_ = c.SetEndpoints(context.Background(), some)
			_, _ = kv.Get(context.Background(), kv.New(c.Name()).WithKey("k").WithEndpoint(all[0])) // which may be dialled for this call alone
		}
	},
}

// retiring lets no connection become old. The other times are never reached: each connection of a server has a timer for them, which the
// bubble of a test keeps until then.
var retiring = keepalive.ServerParameters{
	MaxConnectionAge: retirement, MaxConnectionAgeGrace: time.Second, MaxConnectionIdle: 2 * retirement, Time: 2 * retirement,
}

const (
	retirement = 5 * time.Second  // the greatest age of a connection
	checked    = 17 * time.Second // in which each endpoint in service is checked
)

func each(lose func(*member)) func(*conn.Conn, []*member) {
	return func(_ *conn.Conn, members []*member) {
		for _, m := range members {
			lose(m)
		}
	}
}

// If each loss left one object or goroutine behind, there would be as many in the end.
func TestNothingGrowsWithTheNumberOfLostConnections(t *testing.T) {
	const losses = 300
	for name, lose := range faults {
		for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var opts []grpc.ServerOption
					if name == "retired" {
						opts = append(opts, grpc.KeepaliveParams(retiring))
					}
					members := []*member{newMember(t, "a", opts...), newMember(t, "b", opts...), newMember(t, "c", opts...)}
					c := fakemember.Open(t, members, conn.WithMode(mode))
					lost := func() { lose(c, members) }
					repeat(t, losses/10, c, lost) // maps, pools and the gRPC clients of the endpoints get their size
					goroutines, objects := standing()
					dials := dialled(members)
					repeat(t, losses, c, lost)
					goroutinesNow, objectsNow := standing()
					if n := dialled(members) - dials; n < losses && name != "without a leader" {
						t.Errorf("only %d connections were made", n)
					}
					if goroutinesNow-goroutines >= losses/10 {
						t.Errorf("%d goroutines became %d", goroutines, goroutinesNow)
					}
					if objectsNow-objects >= losses {
						t.Errorf("%d objects became %d", objects, objectsNow)
					}
				})
			})
		}
	}
}

// repeat loses the connections so many times, under a watch and a kept lease, and has a call succeed after each time.
func repeat(t *testing.T, times int, c *conn.Conn, lose func()) {
	w, err := watch.Watch(t.Context(), watch.New(c.Name()).WithKey("k"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	k, err := lease.KeepAlive(t.Context(), lease.New(c.Name()), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for range times {
		lose()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey("k").WithTimeout(time.Hour)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
	}
	if err := errors.Join(w.Err(), k.Err()); err != nil {
		t.Error(err)
	}
}

func dialled(members []*member) (n int64) {
	for _, m := range members {
		n += m.Dials.Load()
	}
	return n
}

// standing returns how many goroutines and objects there are while nothing is under way: the least of several moments, since servers
// that retire connections may be doing so in any of them.
func standing() (goroutines, objects int) {
	goroutines, objects = math.MaxInt, math.MaxInt
	for range 5 {
		time.Sleep(time.Minute + 700*time.Millisecond)
		synctest.Wait()
		for range 3 { // pools keep what they have for two
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		goroutines, objects = min(goroutines, runtime.NumGoroutine()), min(objects, int(m.HeapObjects))
	}
	return goroutines, objects
}
