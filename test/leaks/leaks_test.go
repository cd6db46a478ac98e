// SPDX-License-Identifier: Apache-2.0

// Package leaks proves that no goroutine outlives a connection, however it ends: closed in any state, or never opened.
package leaks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
)

// closeLimit is the longest time that Close may take in any state.
const closeLimit = time.Second

// baseline ignores what runs before a connection opens: the goroutines that read the logs of the servers. Nothing else
// is ignored, neither gRPC's goroutines nor those of the standard library.
func baseline() goleak.Option { return goleak.IgnoreCurrent() }

// closed closes a connection and checks that none of its goroutines is left.
func closed(t *testing.T, c *conn.Conn, before goleak.Option) {
	t.Helper()
	start := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > closeLimit {
		t.Errorf("Close took %v", took)
	}
	goleak.VerifyNone(t, before)
	if _, err := conn.Lookup(c.Name()); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("after Close the name gives %v", err)
	}
}

func mustOpen(t *testing.T, endpoints []string, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(t.Context(), "", endpoints, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// callers make calls without end until the connection is closed.
type callers struct {
	calling sync.WaitGroup
	mu      sync.Mutex
	strange []error
}

// startCalls starts readers and writers. A call may fail in any way while members are down. After the close of the
// connection it must end, with ErrClosed.
func startCalls(parent context.Context, c *conn.Conn) *callers {
	f := &callers{}
	request := kv.New(c.Name()).WithKey("key")
	for i := range 16 {
		f.calling.Go(func() {
			for {
				var err error
				if i%2 == 0 {
					_, err = kv.Get(parent, request)
				} else {
					_, err = kv.Put(parent, request.WithValue("value"))
				}
				switch {
				case errors.Is(err, conn.ErrClosed), errors.Is(err, conn.ErrNotOpen):
					return
				case parent.Err() != nil:
					f.mu.Lock()
					f.strange = append(f.strange, err)
					f.mu.Unlock()
					return
				case err != nil:
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	return f
}

// closedAmid is like closed, during calls.
func closedAmid(t *testing.T, c *conn.Conn, before goleak.Option, calls *callers) {
	t.Helper()
	ended := make(chan time.Time, 1)
	go func() {
		calls.calling.Wait()
		ended <- time.Now()
	}()
	start := time.Now()
	closed(t, c, before)
	if took := (<-ended).Sub(start); took > closeLimit {
		t.Errorf("calls under way ended %v after the start of Close", took)
	}
	if len(calls.strange) > 0 {
		t.Errorf("%d calls were not ended by Close; one said %v", len(calls.strange), calls.strange[0])
	}
}

func TestCheckDetectsAnOpenConnection(t *testing.T) {
	cluster := etcdtest.Start(t)
	before := baseline()
	c := mustOpen(t, cluster.Endpoints())
	err := goleak.Find(before)
	if err == nil {
		t.Fatal("the check sees no goroutine of an open connection")
	}
	for _, owner := range []string{"eetcd/internal/member.", "google.golang.org/grpc"} {
		if !strings.Contains(err.Error(), owner) {
			t.Errorf("the check sees no goroutine of %s in an open connection: %v", owner, err)
		}
	}
	closed(t, c, before)
}

func TestNothingOutlivesClose(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	endpoints := cluster.Endpoints()
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Run("idle", func(t *testing.T) {
				before := baseline()
				c := mustOpen(t, endpoints, conn.WithMode(mode), conn.WithStateListener(func(conn.Endpoint) {}))
				closed(t, c, before)
			})
			t.Run("lazy, at once", func(t *testing.T) {
				for range 20 {
					before := baseline()
					c := mustOpen(t, endpoints, conn.WithMode(mode), conn.WithLazy())
					closed(t, c, before)
				}
			})
			t.Run("lazy, when ready", func(t *testing.T) {
				before := baseline()
				c := mustOpen(t, endpoints, conn.WithMode(mode), conn.WithLazy())
				if err := c.WaitReady(t.Context()); err != nil {
					t.Error(err)
				}
				closed(t, c, before)
			})
			t.Run("calls in flight", func(t *testing.T) {
				before := baseline()
				c := mustOpen(t, endpoints, conn.WithMode(mode))
				parent, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				calls := startCalls(parent, c)
				time.Sleep(100 * time.Millisecond)
				closedAmid(t, c, before, calls)
			})
		})
	}
}

func TestNothingOutlivesCloseWhileMembersAreSilent(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	for _, silent := range []int{1, 3} {
		for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
			// Before a read is hedged, during that, and when silent members are frozen.
			for _, after := range []time.Duration{50 * time.Millisecond, 600 * time.Millisecond, 2500 * time.Millisecond} {
				t.Run(name(silent, "paused", mode, after), func(t *testing.T) {
					if cluster.Leader() == nil {
						t.Fatal("no leader after the last pause")
					}
					before := baseline()
					c := mustOpen(t, cluster.Endpoints(), conn.WithMode(mode))
					parent, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					for _, m := range inUse(cluster, c)[:silent] {
						m.Pause()
						defer m.Resume()
					}
					calls := startCalls(parent, c)
					time.Sleep(after)
					closedAmid(t, c, before, calls)
				})
			}
		}
	}
}

func TestNothingOutlivesCloseWhileMembersAreDown(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		// While the loss is noticed, and when every endpoint is being reconnected.
		for _, after := range []time.Duration{0, time.Second} {
			t.Run(name(3, "killed", mode, after), func(t *testing.T) {
				before := baseline()
				c := mustOpen(t, cluster.Endpoints(), conn.WithMode(mode))
				parent, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				calls := startCalls(parent, c)
				for _, m := range cluster.Members() {
					m.Kill()
				}
				time.Sleep(after)
				closedAmid(t, c, before, calls)
				for _, m := range cluster.Members() {
					m.Restart()
				}
			})
		}
	}
}

func TestNothingOutlivesCloseDuringReconnection(t *testing.T) {
	for _, where := range nowhere(t) {
		for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
			t.Run(where.name+"/"+mode.String(), func(t *testing.T) {
				before := baseline()
				c := mustOpen(t, where.endpoints, conn.WithMode(mode), conn.WithLazy(),
					conn.WithBackoff(func() backoff.BackOff { return backoff.NewConstantBackOff(time.Millisecond) }))
				time.Sleep(50 * time.Millisecond)
				closed(t, c, before)
			})
		}
	}
}

func TestNothingOutlivesAFailedOpen(t *testing.T) {
	for _, where := range nowhere(t) {
		for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
			for _, until := range []string{"its own end", "the caller's"} {
				t.Run(where.name+"/"+mode.String()+"/"+until, func(t *testing.T) {
					before := baseline()
					parent, cancel := context.WithCancel(t.Context())
					defer cancel()
					if until == "the caller's" {
						defer time.AfterFunc(20*time.Millisecond, cancel).Stop()
					}
					_, err := conn.Open(parent, "failed", where.endpoints, conn.WithMode(mode))
					if !errors.Is(err, conn.ErrUnavailable) {
						t.Errorf("Open: %v", err)
					}
					goleak.VerifyNone(t, before)
					if _, err := conn.Lookup("failed"); !errors.Is(err, conn.ErrNotOpen) {
						t.Errorf("after a failed Open the name gives %v", err)
					}
					if left := conn.Info(); len(left) > 0 {
						t.Errorf("a failed Open leaves %+v", left)
					}
				})
			}
		}
	}
}

func TestNothingOutlivesCloseWithOpenStreams(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			before := baseline()
			c := mustOpen(t, cluster.Endpoints(), conn.WithMode(mode))
			received := make(chan error, 8)
			for range cap(received) {
				read, unread := openWatch(t, c), openWatch(t, c)
				go func() {
					_, err := read.Recv()
					received <- err
				}()
				if err := unread.CloseSend(); err != nil {
					t.Error(err)
				}
			}
			closed(t, c, before)
			for range cap(received) {
				if err := <-received; !errors.Is(err, conn.ErrClosed) {
					t.Errorf("a stream ended with %v", err)
				}
			}
		})
	}
}

// openWatch opens a stream and waits until the server has answered on it.
func openWatch(t *testing.T, c *conn.Conn) pb.Watch_WatchClient {
	t.Helper()
	stream, err := pb.NewWatchClient(c).Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	create := &pb.WatchCreateRequest{Key: []byte("key")}
	if err := stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: create}}); err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.Recv(); err != nil || !answer.Created {
		t.Fatalf("watch: %v, %v", answer, err)
	}
	return stream
}

// inUse returns the members, those in use by the connection first.
func inUse(cluster *etcdtest.Cluster, c *conn.Conn) []*etcdtest.Member {
	state := map[string]conn.State{}
	for _, e := range c.Info() {
		state[e.Address] = e.State
	}
	members := cluster.Members()
	slices.SortStableFunc(members, func(a, b *etcdtest.Member) int {
		return cmp.Compare(state[a.Endpoint()], state[b.Endpoint()])
	})
	return members
}

type place struct {
	name      string
	endpoints []string
}

// nowhere returns endpoints without a server: nobody listens there, or the system accepts the connection and nobody
// answers.
func nowhere(t *testing.T) []place {
	t.Helper()
	places := []place{{name: "refused"}, {name: "black hole"}}
	for i := range places {
		for range 3 {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			places[i].endpoints = append(places[i].endpoints, l.Addr().String())
			if places[i].name == "refused" {
				defer l.Close() // only now, so that the next one cannot get the same port
			} else {
				t.Cleanup(func() { l.Close() })
			}
		}
	}
	return places
}

func name(n int, fault string, mode conn.Mode, after time.Duration) string {
	return fmt.Sprintf("%v/%d %s/%v", mode, n, fault, after)
}
