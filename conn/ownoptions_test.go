// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func TestIdleTimeoutAmongTheDialOptionsClosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		var told heard
		c := openFake(t, []*member{a}, told.option(), conn.WithHealthCheckInterval(time.Hour),
			conn.WithDialOptions(grpc.WithIdleTimeout(time.Second)))
		time.Sleep(time.Minute)
		if _, err := put(t.Context(), c); err != nil {
			t.Errorf("after a minute without a call: %v", err)
		}
		if n := a.Dials.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
		if all := told.events(); len(all) != 1 {
			t.Errorf("the listener heard %+v", all)
		}
	})
}

// gRPC calls an interceptor once, and the interceptor may send the call as often as it likes.
func TestWriteThatAnInterceptorSentBeforeItsLineWasLostIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.answerKV(func(context.Context) error {
			a.Refuse()
			a.Drop()
			return status.Error(codes.Unavailable, "the answer is lost")
		})
		twice := func(parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
			opts ...grpc.CallOption) error {
			err := invoke(parent, method, req, reply, cc, opts...)
			if status.Code(err) == codes.Unavailable && method == pb.KV_Put_FullMethodName {
				synctest.Wait()
				err = invoke(parent, method, req, reply, cc, opts...)
			}
			return err
		}
		c := openFake(t, []*member{a}, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(twice)), conn.WithPatience(0))
		if _, err := put(t.Context(), c); etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("a write that the member got: %v", err)
		}
		if n := a.calls.Load(); n != 1 {
			t.Errorf("the write was sent %d times", n)
		}
	})
}

func TestRefusalThatAnInterceptorReturnsIsNotTheWritesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		audit := func(parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
			opts ...grpc.CallOption) error {
			err := invoke(parent, method, req, reply, cc, opts...)
			if method == pb.KV_Put_FullMethodName {
				return fmt.Errorf("audit: %w", conn.ErrUnavailable) // of another connection
			}
			return err
		}
		c := openFake(t, []*member{a}, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(audit)))
		if _, err := put(t.Context(), c); etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("a write that the member got: %v", err)
		}
		if n := a.calls.Load(); n != 1 {
			t.Errorf("the write was sent %d times", n)
		}
	})
}

func TestErrorOfAnotherCallThatAnInterceptorReturnsIsNotTheWritesOwn(t *testing.T) {
	for name, other := range map[string]error{
		"not sent": etcderr.FromRPC(status.Error(codes.Unavailable, "no line"), etcderr.Call{Method: pb.KV_Put_FullMethodName, Endpoint: "other:1"}),
		"refused": etcderr.FromRPC(status.Error(codes.Unavailable, "etcdserver: no leader"),
			etcderr.Call{Method: pb.KV_Put_FullMethodName, Endpoint: "other:1", Sent: true}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				audit := func(parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
					opts ...grpc.CallOption) error {
					err := invoke(parent, method, req, reply, cc, opts...)
					if method == pb.KV_Put_FullMethodName {
						return other
					}
					return err
				}
				c := openFake(t, []*member{a}, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(audit)))
				_, err := put(t.Context(), c)
				if etcderr.OutcomeOf(err) != etcderr.Unknown || errors.Is(err, etcderr.ErrNoLeader) || !strings.Contains(err.Error(), " at a:1: ") {
					t.Errorf("a write that the member got: %v", err)
				}
				if n := a.calls.Load(); n != 1 {
					t.Errorf("the write was sent %d times", n)
				}
				if states(c)["a:1"] != conn.Active {
					t.Errorf("got %+v", c.Info())
				}
			})
		})
	}
}
