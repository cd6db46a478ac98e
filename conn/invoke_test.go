// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
)

// The tests in this file run on a fake clock, so their times are exact and take no real time.

func TestEarliestDeadlineEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a}, conn.WithConnectTimeout(time.Hour)) // the member is silent, and stays Active
		a.Pause()
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

func TestDefaultTimeoutIsSetByTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for want, opts := range map[time.Duration][]grpc.CallOption{7 * time.Second: nil, 9 * time.Second: {conn.Within(9 * time.Second)}} {
			a := newMember(t, "a")
			c := openFake(t, []*member{a}, conn.WithConnectTimeout(time.Hour), conn.WithDefaultTimeout(7*time.Second))
			a.Pause()
			start := time.Now()
			_, err := put(t.Context(), c, opts...)
			if took := time.Since(start); took != want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("ended after %v, want %v: %v", took, want, err)
			}
			if text := fmt.Sprintf("at a:1: no answer within %v: context deadline exceeded (outcome unknown)", want); !strings.HasSuffix(err.Error(), text) {
				t.Errorf("the text is %q, want %q at its end", err, text)
			}
		}
	})
}

func TestTimedOutRetryReportsTheErrorOfTheAttemptBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a}, conn.WithConnectTimeout(time.Hour)) // the member goes silent, and stays Active
		for name, call := range map[string]func() error{
			"read":  func() error { _, err := get(t.Context(), c); return err },
			"write": func() error { _, err := put(t.Context(), c); return err },
		} {
			answers := 0
			a.answerKV(func(parent context.Context) error {
				if answers++; answers == 1 {
					return status.Error(codes.ResourceExhausted, "etcdserver: too many requests")
				}
				<-parent.Done()
				return status.FromContextError(parent.Err()).Err()
			})
			err := call()
			if !errors.Is(err, context.DeadlineExceeded) || etcderr.OutcomeOf(err) != etcderr.Unknown {
				t.Errorf("%s: got %v", name, err)
			}
			if errors.Is(err, etcderr.ErrTooManyRequests) {
				t.Errorf("%s: an earlier answer passes for that of the whole call", name)
			}
			if !strings.Contains(err.Error(), "(before that: etcd: ") || !strings.Contains(err.Error(), "too many requests") {
				t.Errorf("%s: %v does not tell the earlier answer", name, err)
			}
		}
	})
}

func TestCancelledCallEndsAtOnceWithTheCallersReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		a.Pause()
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

func TestCallsAreRetriedByOutcome(t *testing.T) {
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

func TestCallRetriedUntilItsDeadlineReportsTheLastAnswer(t *testing.T) {
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

// lateContext says that its deadline has passed only when it is asked for the n-th time since then. A timer of the runtime may be as late.
type lateContext struct {
	context.Context
	deadline time.Time
	n        atomic.Int64
}

func (c *lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *lateContext) Err() error {
	if !time.Now().Before(c.deadline) && c.n.Add(-1) < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestErrorTellsOfTheDeadlineAlthoughTheContextIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		a.answerKV(func(context.Context) error { return status.Error(codes.Unknown, "etcdserver: too many requests") })
		for n := range 20 {
			for kind, call := range map[string]func(context.Context, *conn.Conn) error{
				"read":  func(parent context.Context, c *conn.Conn) error { _, err := get(parent, c); return err },
				"write": func(parent context.Context, c *conn.Conn) error { _, err := put(parent, c); return err },
			} {
				late := &lateContext{Context: t.Context(), deadline: time.Now().Add(time.Second)}
				late.n.Store(int64(n))
				err := call(late, c)
				if !errors.Is(err, etcderr.ErrTooManyRequests) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a %s whose context is late by %d: %v", kind, n, err)
				}
			}
		}
	})
}

func TestCallersMetadataAndValuesReachTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		a := newMember(t, "a")
		seen := make(chan metadata.MD, 2)
		a.answerKV(func(parent context.Context) error {
			md, _ := metadata.FromIncomingContext(parent)
			seen <- md
			return nil
		})
		var values []any
		intercept := grpc.WithUnaryInterceptor(func(parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if parent.Value(key{}) != nil {
				values = append(values, parent.Value(key{}))
			}
			return invoke(parent, method, req, reply, cc, opts...)
		})
		c := openFake(t, []*member{a}, conn.WithDialOptions(intercept, nil))
		parent := metadata.AppendToOutgoingContext(context.WithValue(t.Context(), key{}, 7), "trace", "x")
		if _, err := get(parent, c); err != nil {
			t.Fatal(err)
		}
		if _, err := put(parent, c); err != nil {
			t.Fatal(err)
		}
		if md := <-seen; md.Get("trace") == nil || md.Get("hasleader") != nil {
			t.Errorf("a read arrived with %v", md)
		}
		if md := <-seen; md.Get("trace") == nil || md.Get("hasleader") == nil {
			t.Errorf("a write arrived with %v", md)
		}
		if len(values) != 2 {
			t.Errorf("an interceptor saw the values %v", values)
		}
	})
}
