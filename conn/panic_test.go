// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// panicsOnce panics after a while, once, out of the first read.
func panicsOnce(after time.Duration) conn.Option {
	var done atomic.Bool
	return conn.WithDialOptions(grpc.WithChainUnaryInterceptor(func(
		parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		if method == pb.KV_Range_FullMethodName && done.CompareAndSwap(false, true) {
			time.Sleep(after)
			panic("of an interceptor")
		}
		return invoke(parent, method, req, reply, cc, opts...)
	}))
}

func recovered(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

func TestNothingGoesOnAfterAnInterceptorPanics(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		calls int64 // that members see for the call that panics
	}{
		{0, 0},
		{600 * time.Millisecond, 1}, // the hedge is under way
	} {
		t.Run(fmt.Sprint(tt.after), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				c := openFake(t, []*member{a, b}, panicsOnce(tt.after))
				for _, m := range []*member{a, b} {
					m.answerKV(slowly(time.Hour))
				}
				checks := func() int64 { return a.Checks.Load() + b.Checks.Load() }
				before := checks()
				start := time.Now()
				r := recovered(func() { _, _ = get(t.Context(), c) })
				if r == nil || time.Since(start) != tt.after {
					t.Errorf("the caller got the panic %v after %v, want it after %v", r, time.Since(start), tt.after)
				}
				after := checks()
				time.Sleep(3 * time.Second) // beyond the hedge delay, and short of the next checks
				synctest.Wait()
				if calls := a.calls.Load() + b.calls.Load(); calls != tt.calls {
					t.Errorf("members have seen %d reads, want %d", calls, tt.calls)
				}
				if tt.after == 0 && (after != before || checks() != after) {
					t.Errorf("the endpoint is suspected: %d checks, want %d", checks(), before)
				}
				for _, m := range []*member{a, b} {
					m.answerKV(nil)
				}
				for range 4 {
					if _, err := get(t.Context(), c); err != nil {
						t.Errorf("after the panic a read fails: %v", err)
					}
				}
			})
		})
	}
}

// attended is a context that knows how many functions wait for its end.
type attended struct {
	context.Context
	done    chan struct{}
	waiting atomic.Int64
}

func (c *attended) Done() <-chan struct{} { return c.done }

func (c *attended) AfterFunc(func()) (stop func() bool) {
	c.waiting.Add(1)
	return func() bool {
		c.waiting.Add(-1)
		return true
	}
}

func TestNothingWaitsForTheEndOfAContextAfterAnInterceptorEndsItsCall(t *testing.T) {
	for how, end := range map[string]func(){
		"a panic": func() { panic("of an interceptor") },
		"Goexit":  runtime.Goexit,
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := openFake(t, []*member{newMember(t, "a")}, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(func(
					parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
				) error {
					if method == pb.KV_Range_FullMethodName {
						end()
					}
					return invoke(parent, method, req, reply, cc, opts...)
				})))
				for of, c := range map[string]*conn.Conn{"a connection": c, "a namespace": mustNamespace(t, c, "tenant", "p/")} {
					parent := &attended{Context: t.Context(), done: make(chan struct{})}
					over := make(chan struct{})
					go func() {
						defer close(over)
						defer func() { _ = recover() }()
						_, err := get(parent, c)
						t.Errorf("%s: the read returns %v", of, err)
					}()
					<-over
					if n := parent.waiting.Load(); n != 0 {
						t.Errorf("%s: %d functions wait for the end of the context", of, n)
					}
				}
			})
		})
	}
}

// A hedge runs where no caller can recover its panic, which would end the process.
func TestReadGoesOnAfterAnInterceptorPanicsInItsHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		for _, m := range []*member{a, b} {
			m.answerKV(slowly(time.Second))
		}
		var reads atomic.Int64
		c := openFake(t, []*member{a, b}, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(func(
			parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			if method == pb.KV_Range_FullMethodName && reads.Add(1) == 2 {
				panic("of an interceptor")
			}
			return invoke(parent, method, req, reply, cc, opts...)
		})))
		start := time.Now()
		if _, err := get(t.Context(), c); err != nil || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if got := reads.Load(); got != 2 {
			t.Errorf("%d attempts, want 2", got)
		}
	})
}
