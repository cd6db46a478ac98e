// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// The tests of this file run on a fake clock: their times are exact, and they take none.

func get(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) (*pb.RangeResponse, error) {
	return pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte("k")}, opts...)
}

func put(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) (*pb.PutResponse, error) {
	return pb.NewKVClient(c).Put(parent, &pb.PutRequest{Key: []byte("k"), Value: []byte("v")}, opts...)
}

func TestSilentReadIsHedgedAfter500msAndItsEndpointFrozenWithin2s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.pause()
		var silent int
		for range 4 {
			start := time.Now()
			r, err := get(t.Context(), c)
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			if r.Header.MemberId != id("b") {
				t.Errorf("answered by the paused member")
			}
			switch took := time.Since(start); {
			case took == 500*time.Millisecond:
				silent++
			case took > 0:
				t.Errorf("a read took %v", took)
			}
		}
		if silent == 0 || silent == 4 {
			t.Errorf("%d of 4 reads in turn were hedged", silent)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s := states(c)["a:1"]; s != conn.Frozen {
			t.Errorf("the silent endpoint is %v", s)
		}
		start := time.Now()
		for range 4 {
			if _, err := get(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a frozen endpoint slows reads down by %v", took)
		}
		a.resume()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if s := states(c)["a:1"]; s != conn.Active {
			t.Errorf("after its return the endpoint is %v", s)
		}
	})
}

func TestSilentWriteIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.pause()
		b.pause()
		start := time.Now()
		_, err := put(t.Context(), c)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("ended after %v, want the default deadline of 5 s", took)
		}
		if etcderr.OutcomeOf(err) != etcderr.Unknown || !errors.Is(err, context.DeadlineExceeded) || status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		if n := a.calls.Load() + b.calls.Load(); n != 1 {
			t.Errorf("the write was sent %d times", n)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a}, conn.WithConnectTimeout(time.Hour)) // the member is silent, and stays Active
		a.pause()
		for _, want := range []struct {
			name   string
			parent time.Duration
			within time.Duration
			takes  time.Duration
		}{
			{"neither", 0, 0, 5 * time.Second},
			{"the caller's, shorter than the default", time.Second, 0, time.Second},
			{"the caller's, longer than the default", 9 * time.Second, 0, 9 * time.Second},
			{"the request's, longer than the default", 0, 8 * time.Second, 8 * time.Second},
			{"the request's, the earlier", 3 * time.Second, 2 * time.Second, 2 * time.Second},
			{"the caller's, the earlier", 2 * time.Second, 3 * time.Second, 2 * time.Second},
		} {
			parent, cancel := t.Context(), func() {}
			if want.parent > 0 {
				parent, cancel = context.WithTimeout(parent, want.parent)
			}
			var opts []grpc.CallOption
			if want.within > 0 {
				opts = append(opts, conn.Within(want.within))
			}
			start := time.Now()
			_, err := get(parent, c, opts...)
			cancel()
			if took := time.Since(start); took != want.takes || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: ended after %v with %v, want %v", want.name, took, err, want.takes)
			}
		}
	})
}

func TestCancelledCallEndsAtOnceWithTheCallersReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		a.pause()
		reason := errors.New("shutting down")
		parent, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(reason) })
		start := time.Now()
		_, err := put(parent, c)
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("ended after %v", took)
		}
		if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) || etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("during: %v", err)
		}
		if _, err = put(parent, c); !errors.Is(err, context.Canceled) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("before: %v", err)
		}
		if n := a.calls.Load(); n != 1 {
			t.Errorf("%d requests sent, want 1", n)
		}
	})
}

func TestRetryByOutcome(t *testing.T) {
	cases := []struct {
		name       string
		answer     error
		read, sent int64 // how often a read and a write are sent when the first two answers are this error
	}{
		{"too many requests", status.Error(codes.Unknown, "etcdserver: too many requests"), 3, 3},
		{"not capable yet", status.Error(codes.FailedPrecondition, "etcdserver: not capable"), 3, 3},
		{"old auth revision", status.Error(codes.InvalidArgument, "etcdserver: revision of auth store is old"), 3, 3},
		{"no leader", status.Error(codes.Unavailable, "etcdserver: no leader"), 3, 3},
		{"leader changed", status.Error(codes.Unavailable, "etcdserver: leader changed"), 3, 1},
		{"timed out", status.Error(codes.Unavailable, "etcdserver: request timed out"), 3, 1},
		{"stopped", status.Error(codes.Unavailable, "etcdserver: server stopped"), 3, 1},
		{"broken on the way", status.Error(codes.Unavailable, "error reading from server: EOF"), 3, 1},
		{"refused", status.Error(codes.InvalidArgument, "etcdserver: key is not provided"), 1, 1},
		{"denied", status.Error(codes.PermissionDenied, "etcdserver: permission denied"), 1, 1},
		{"unhealthy", status.Error(codes.Unavailable, "etcdserver: unhealthy cluster"), 1, 1},
		{"a failure of the server's own", status.Error(codes.Unknown, "something odd"), 1, 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				c := openFake(t, []*member{a, b})
				try := func(what string, call func() error, want int64) {
					t.Helper()
					var mu sync.Mutex
					left := 2
					answer := func(context.Context) error {
						mu.Lock()
						defer mu.Unlock()
						if left == 0 {
							return nil
						}
						left--
						return tc.answer
					}
					a.answerKV(answer)
					b.answerKV(answer)
					before := a.calls.Load() + b.calls.Load()
					err := call()
					if n := a.calls.Load() + b.calls.Load() - before; n != want {
						t.Errorf("%s: sent %d times, want %d", what, n, want)
					}
					if (err == nil) != (want == 3) {
						t.Errorf("%s: %v", what, err)
					}
				}
				try("read", func() error { _, err := get(t.Context(), c); return err }, tc.read)
				try("write", func() error { _, err := put(t.Context(), c); return err }, tc.sent)
			})
		})
	}
}

func TestCallThatIsRetriedToItsDeadlineTellsTheLastAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		a.answerKV(func(context.Context) error { return status.Error(codes.Unknown, "etcdserver: too many requests") })
		start := time.Now()
		_, err := put(t.Context(), c)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("gave up after %v, want 5s", took)
		}
		if !errors.Is(err, etcderr.ErrTooManyRequests) || !errors.Is(err, context.DeadlineExceeded) || etcderr.OutcomeOf(err) != etcderr.Rejected {
			t.Errorf("got %v with outcome %v", err, etcderr.OutcomeOf(err))
		}
		if n := a.calls.Load(); n < 8 || n > 30 {
			t.Errorf("%d attempts in 5 s: the pauses are wrong", n)
		}
	})
}

func TestLeaderlessEndpointIsFrozenUnlessItIsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.leader.Store(0)
		for range 2 {
			if _, err := put(t.Context(), c); err != nil {
				t.Fatalf("a write with one member partitioned: %v", err)
			}
		}
		if s := states(c); s["a:1"] != conn.Frozen || s["b:1"] != conn.Active {
			t.Errorf("states %v, want the member without a leader Frozen", s)
		}
		// An election: nobody has a leader. The connection keeps the last endpoint, and the write waits for the outcome.
		b.leader.Store(0)
		time.AfterFunc(1500*time.Millisecond, func() { a.leader.Store(2); b.leader.Store(2) })
		start := time.Now()
		if _, err := put(t.Context(), c); err != nil {
			t.Errorf("a write during an election: %v", err)
		}
		if took := time.Since(start); took < 1500*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("the write took %v over an election of 1.5s", took)
		}
	})
}

func TestHealthCheckFreezesAndReconnectionReturns(t *testing.T) {
	notServing := func(a *member) {
		a.answerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
			return healthpb.HealthCheckResponse_NOT_SERVING, nil
		})
	}
	cases := []struct {
		name    string
		disrupt func(*member)
		reason  string
		within  time.Duration
	}{
		{"not serving", notServing, "NOT_SERVING", 0},
		{"no answer", (*member).pause, "no answer within 1s", time.Second},
		{"no leader", func(m *member) { m.leader.Store(0) }, "no leader", 0},
		{"connection lost", (*member).stop, "connection lost", -15 * time.Second},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				var mu sync.Mutex
				var heard []conn.Endpoint
				opened := time.Now()
				c := openFake(t, []*member{a, b}, conn.WithStateListener(func(e conn.Endpoint) {
					mu.Lock()
					defer mu.Unlock()
					if e.Address == "a:1" {
						heard = append(heard, e)
					}
				}))
				tc.disrupt(a)
				time.Sleep(15*time.Second + tc.within)
				synctest.Wait()
				mu.Lock()
				if len(heard) < 2 || heard[0].State != conn.Active || heard[1].State != conn.Frozen {
					t.Fatalf("%v after opening, the listener heard %v", time.Since(opened), heard)
				}
				if frozen := heard[1]; frozen.Err == nil || !strings.Contains(frozen.Err.Error(), tc.reason) ||
					frozen.ReconnectIn < 160*time.Millisecond || frozen.ReconnectIn > 241*time.Millisecond {
					t.Errorf("frozen as %+v, want %q and 200ms to reconnection", frozen, tc.reason)
				}
				mu.Unlock()
				a.answerHealth(nil)
				a.leader.Store(1)
				a.resume()
				if tc.reason == "connection lost" {
					a.start()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if len(heard) != 3 || heard[2].State != conn.Active || heard[2].Err != nil {
					t.Errorf("the listener heard %v, want each change once", heard)
				}
				if s := states(c)["a:1"]; s != conn.Active {
					t.Errorf("a is %v", s)
				}
			})
		})
	}
}

func TestHealthAnswersThatSayNothingCountAsHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, d := newMember(t, "a"), newMember(t, "b"), newMember(t, "d")
		a.answerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
			return 0, status.Error(codes.Unimplemented, "unknown service")
		})
		b.answerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
			return healthpb.HealthCheckResponse_UNKNOWN, nil
		})
		d.answerStatus(status.Error(codes.InvalidArgument, "etcdserver: user name is empty"))
		c := openFake(t, []*member{a, b, d})
		for address, s := range states(c) {
			if s != conn.Active {
				t.Errorf("%s is %v", address, s)
			}
		}
	})
}

func TestReconnectInCountsDownAndInfoNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		b.stop()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		first := c.Info()[1]
		if first.State != conn.Frozen || first.ReconnectIn <= 0 || first.ReconnectIn > 31*time.Second || first.Err == nil {
			t.Fatalf("got %+v", first)
		}
		time.Sleep(first.ReconnectIn / 2)
		if half := c.Info()[1]; half.ReconnectIn != first.ReconnectIn-first.ReconnectIn/2 {
			t.Errorf("%v is left of %v after half of it", half.ReconnectIn, first.ReconnectIn)
		}
		b.start()
		time.Sleep(first.ReconnectIn)
		synctest.Wait()
		if s := c.Info()[1]; s.State != conn.Active || s.ReconnectIn != 0 || s.Err != nil {
			t.Errorf("one backoff step after the member's return: %+v", s)
		}
	})
}

func TestAllFrozenFailsFastAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.stop()
		b.stop()
		synctest.Wait()
		start := time.Now()
		for _, call := range []func() error{
			func() error { _, err := get(t.Context(), c); return err },
			func() error { _, err := put(t.Context(), c); return err },
			func() error { _, err := pb.NewWatchClient(c).Watch(t.Context()); return err },
		} {
			err := call()
			if !errors.Is(err, conn.ErrUnavailable) || etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("got %v", err)
			}
			for _, part := range []string{"a:1", "b:1", "connection lost"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%v lacks %q", err, part)
				}
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the calls took %v", took)
		}
		waiting, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := c.WaitReady(waiting); !errors.Is(err, conn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitReady: %v", err)
		}
		time.AfterFunc(time.Second, a.start)
		if err := c.WaitReady(t.Context()); err != nil {
			t.Errorf("WaitReady: %v", err)
		}
		if _, err := get(t.Context(), c); err != nil {
			t.Errorf("after the return of a member: %v", err)
		}
	})
}

func TestRandomConnectsToOneAndMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := []*member{newMember(t, "a"), newMember(t, "b"), newMember(t, "d")}
		c := openFake(t, all, conn.WithMode(conn.Random))
		active := func() *member {
			t.Helper()
			synctest.Wait()
			var found *member
			for _, e := range c.Info() {
				if e.State != conn.Active {
					continue
				}
				if found != nil {
					t.Fatalf("two are Active: %v", c.Info())
				}
				for _, m := range all {
					if m.name+":1" == e.Address {
						found = m
					}
				}
			}
			if found == nil {
				t.Fatalf("none is Active: %v", c.Info())
			}
			return found
		}
		used := map[*member]bool{}
		for range 3 {
			m := active()
			used[m] = true
			for range 3 {
				if r, err := get(t.Context(), c); err != nil || r.Header.MemberId != id(m.name) {
					t.Errorf("read from %v, %v; want %s", r, err, m.name)
				}
			}
			time.Sleep(time.Minute)
			m.stop()
			if len(used) == 3 {
				break
			}
		}
		synctest.Wait()
		if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("with none left: %v", err)
		}
		all[1].start()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := active(); m != all[1] {
			t.Errorf("moved on to %s", m.name)
		}
	})
}

func TestStreamEndsWithItsEndpointAndItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		open := func() pb.Watch_WatchClient {
			s, err := pb.NewWatchClient(c).Watch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r, err := s.Recv(); err != nil || !r.Created {
				t.Fatalf("got %v, %v", r, err)
			}
			return s
		}
		s := open()
		a.pause() // the stream's connection stays up; the health check finds out
		start := time.Now()
		_, err := s.Recv()
		var e *etcderr.Error
		if !errors.As(err, &e) || e.Endpoint() != "a:1" || !strings.Contains(err.Error(), "no answer within 1s") {
			t.Errorf("the stream ended with %v", err)
		}
		if took := time.Since(start); took > 16*time.Second {
			t.Errorf("the stream ended after %v", took)
		}
		a.resume()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		s = open()
		time.AfterFunc(time.Second, func() { _ = c.Close() })
		if _, err := s.Recv(); !errors.Is(err, conn.ErrClosed) {
			t.Errorf("after Close the stream ended with %v", err)
		}
		if _, err := pb.NewWatchClient(c).Watch(t.Context()); !errors.Is(err, conn.ErrClosed) {
			t.Errorf("a stream on a closed connection: %v", err)
		}
	})
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.pause()
		b.pause()
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				_, err := put(t.Context(), c)
				if !errors.Is(err, conn.ErrClosed) || etcderr.OutcomeOf(err) != etcderr.Unknown || errors.Is(err, context.Canceled) {
					t.Errorf("a write under way ended with %v", err)
				}
			})
			calls.Go(func() {
				if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrClosed) {
					t.Errorf("a read under way ended with %v", err)
				}
			})
		}
		calls.Go(func() {
			time.Sleep(2 * time.Second)
			if err := c.WaitReady(t.Context()); !errors.Is(err, conn.ErrClosed) {
				t.Errorf("WaitReady ended with %v", err)
			}
		})
		time.Sleep(2500 * time.Millisecond) // both are frozen by now
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		calls.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
		if err := c.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrClosed) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("a call after Close: %v", err)
		}
	})
}

func TestCloseIsBoundedByAListenerThatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		forever := make(chan struct{})
		c, err := conn.Open(t.Context(), "", endpoints(a), dialer(a), conn.WithStateListener(func(conn.Endpoint) { <-forever }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := get(t.Context(), c); err != nil {
			t.Errorf("a listener that hangs holds a call up: %v", err)
		}
		start := time.Now()
		if err := c.Close(); err == nil || !strings.Contains(err.Error(), "listener") {
			t.Errorf("Close: %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close took %v", took)
		}
		close(forever)
	})
}

func TestLazyOpensWithoutServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.stop()
		c := openFake(t, []*member{a}, conn.WithLazy())
		if e := c.Info()[0]; e.State != conn.Frozen || e.Err == nil {
			t.Errorf("got %+v", e)
		}
		if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		time.AfterFunc(time.Minute, a.start)
		if err := c.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := get(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}
