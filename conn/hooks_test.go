// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// The tests in this file run on a fake clock, so their times are exact and take no real time.

func TestHooksSeeHowEachCallWent(t *testing.T) {
	changed := status.Error(codes.Unavailable, "etcdserver: leader changed")
	for name, tt := range map[string]struct {
		bad  func(a, b *member)
		call func(parent context.Context, c *conn.Conn) error
		want []string // of two calls, since each member is the first once
	}{
		"answered": {
			func(*member, *member) {}, read,
			[]string{
				"Range: 1 at a:1 none = none by a:1 after 1, hedged false",
				"Range: 1 at b:1 none = none by b:1 after 1, hedged false",
			},
		},
		"hedged, and the hedge wins": {
			func(a, _ *member) { a.Pause() }, read,
			[]string{
				"Range: 1 at a:1 unknown lost, 2 at b:1 none hedge = none by b:1 after 2, hedged true",
				"Range: 1 at b:1 none = none by b:1 after 1, hedged false",
			},
		},
		"hedged, and the first attempt wins": {
			func(a, b *member) {
				a.answerKV(slowly(800 * time.Millisecond))
				b.answerKV(slowly(800 * time.Millisecond))
			}, read,
			[]string{
				"Range: 1 at a:1 none, 2 at b:1 unknown hedge lost = none by a:1 after 2, hedged true",
				"Range: 1 at b:1 none, 2 at a:1 unknown hedge lost = none by b:1 after 2, hedged true",
			},
		},
		"hedged, and the hedge is refused for good": {
			func(a, b *member) {
				a.Pause()
				b.answerKV(func(context.Context) error {
					return status.Error(codes.OutOfRange, "etcdserver: mvcc: required revision has been compacted")
				})
			}, read,
			[]string{
				"Range: 1 at a:1 unknown lost, 2 at b:1 rejected hedge = rejected by b:1 after 2, hedged true",
				"Range: 1 at b:1 rejected = rejected by b:1 after 1, hedged false",
			},
		},
		"sent again": {
			func(a, _ *member) { a.answerKV(func(context.Context) error { return changed }) }, read,
			[]string{
				"Range: 1 at a:1 unknown, 2 at b:1 none = none by b:1 after 2, hedged false",
				"Range: 1 at b:1 none = none by b:1 after 1, hedged false",
			},
		},
		"a write that may have been applied": {
			func(a, b *member) { a.answerKV(slowly(time.Minute)); b.answerKV(slowly(time.Minute)) }, write,
			[]string{
				"Put: 1 at a:1 unknown = unknown by a:1 after 1, hedged false",
				"Put: 1 at b:1 unknown = unknown by b:1 after 1, hedged false",
			},
		},
		"for one endpoint, in another spelling": {
			func(*member, *member) {},
			func(parent context.Context, c *conn.Conn) error {
				_, err := get(parent, c, conn.OnEndpoint("http://B:1/"))
				return err
			},
			[]string{
				"Range: 1 at b:1 none = none by b:1 after 1, hedged false",
				"Range: 1 at b:1 none = none by b:1 after 1, hedged false",
			},
		},
		"refused": {
			func(*member, *member) {},
			func(parent context.Context, c *conn.Conn) error {
				_, err := get(parent, c, conn.OnEndpoint("user:secret@c:1"))
				return err
			},
			[]string{"Range:  = not sent by  after 0, hedged false", "Range:  = not sent by  after 0, hedged false"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				o := &observer{}
				c := openFake(t, []*member{a, b}, conn.WithHooks(o))
				o.take() // what belongs to the opening
				tt.bad(a, b)
				var got []string
				for range 2 {
					err := tt.call(t.Context(), c)
					calls := o.take()
					if len(calls) != 1 {
						t.Fatalf("one call is %v", calls)
					}
					info, result := calls[0].info, calls[0].result
					if result.Err != err || info.Connection != c.Name() || strings.Contains(fmt.Sprintf("%+v", info), "secret") {
						t.Errorf("of a call that returned %v: %+v, %+v", err, info, result)
					}
					if strings.HasPrefix(name, "for one") && info.Endpoint != "b:1" {
						t.Errorf("the endpoint is %q", info.Endpoint)
					}
					got = append(got, calls[0].String())
				}
				slices.Sort(got)
				if !slices.Equal(got, tt.want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
				}
				if open, lost := o.left(); open != 0 || lost != 0 {
					t.Errorf("%d have not ended, %d attempts have no call", open, lost)
				}
			})
		})
	}
}

func read(parent context.Context, c *conn.Conn) error { _, err := get(parent, c); return err }

func write(parent context.Context, c *conn.Conn) error { _, err := put(parent, c); return err }

func TestHooksSeeThatALostAttemptEndsWithItsCallAndAFailedOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		began := time.Now()
		var mu sync.Mutex
		ends := map[string]time.Duration{}
		c := openFake(t, []*member{a, b}, conn.WithHooks(attemptFunc(func(_ context.Context, i conn.AttemptInfo) func(conn.AttemptResult) {
			return func(conn.AttemptResult) {
				mu.Lock()
				defer mu.Unlock()
				ends[i.Endpoint] = time.Since(began)
			}
		})))
		a.answerKV(func(context.Context) error {
			time.Sleep(600 * time.Millisecond)
			return status.Error(codes.Unavailable, "etcdserver: leader changed")
		})
		b.answerKV(slowly(200 * time.Millisecond))
		for range 2 {
			began = time.Now()
			clear(ends)
			if err := read(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if len(ends) == 2 && (ends["a:1"] != 600*time.Millisecond || ends["b:1"] != 700*time.Millisecond) {
				t.Errorf("the attempts ended after %v", ends)
			}
		}
	})
}

type attemptFunc func(context.Context, conn.AttemptInfo) func(conn.AttemptResult)

func (f attemptFunc) OnAttempt(parent context.Context, a conn.AttemptInfo) func(conn.AttemptResult) {
	return f(parent, a)
}

type callFunc func(context.Context, conn.CallInfo) (context.Context, func(conn.CallResult))

func (f callFunc) OnCall(parent context.Context, c conn.CallInfo) (context.Context, func(conn.CallResult)) {
	return f(parent, c)
}

func TestCallsUseTheContextOfTheLastHookAndEndInReverseOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		var order []string
		named := func(name string) conn.Hook {
			return callFunc(func(parent context.Context, _ conn.CallInfo) (context.Context, func(conn.CallResult)) {
				order = append(order, name)
				return metadata.AppendToOutgoingContext(parent, "hook", name), func(conn.CallResult) { order = append(order, "end of "+name) }
			})
		}
		silent := callFunc(func(context.Context, conn.CallInfo) (context.Context, func(conn.CallResult)) { return nil, nil })
		attempts := attemptFunc(func(parent context.Context, _ conn.AttemptInfo) func(conn.AttemptResult) {
			md, _ := metadata.FromOutgoingContext(parent)
			order = append(order, fmt.Sprint("attempt ", md["hook"]))
			return nil
		})
		var sent []string
		see := grpc.WithUnaryInterceptor(func(
			parent context.Context, method string, args, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			md, _ := metadata.FromOutgoingContext(parent)
			sent = md["hook"]
			return next(parent, method, args, reply, cc, opts...)
		})
		c := openFake(t, []*member{a}, conn.WithHooks(named("1"), silent), conn.WithHooks(attempts, named("2"), named("3")),
			conn.WithDialOptions(see))
		if err := write(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		want := []string{"1", "2", "3", "attempt [1 2 3]", "end of 3", "end of 2", "end of 1"}
		if !slices.Equal(order, want) || !slices.Equal(sent, []string{"1", "2", "3"}) {
			t.Errorf("the order is %q, want %q; the metadata %q", order, want, sent)
		}
	})
}

func TestDeadlineThatAHookSetsBoundsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.answerKV(slowly(time.Minute))
		var cancel context.CancelFunc
		c := openFake(t, []*member{a}, conn.WithHooks(
			callFunc(func(parent context.Context, _ conn.CallInfo) (context.Context, func(conn.CallResult)) {
				parent, cancel = context.WithTimeout(parent, 300*time.Millisecond)
				return parent, func(conn.CallResult) { cancel() }
			})))
		start := time.Now()
		if err := write(t.Context(), c); !errors.Is(err, context.DeadlineExceeded) || etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestValueThatIsNoHookIsRefused(t *testing.T) {
	for _, h := range []conn.Hook{nil, struct{}{}, "hook", func() {}} {
		_, err := conn.Open(t.Context(), "", []string{"127.0.0.1:1"}, conn.WithHooks(&observer{}, h))
		if !errors.Is(err, conn.ErrOption) || !strings.Contains(err.Error(), fmt.Sprintf("WithHooks: %T", h)) {
			t.Errorf("WithHooks(%T): %v", h, err)
		}
	}
	hooks := []conn.Hook{&observer{}}
	opt := conn.WithHooks(hooks...)
	hooks[0] = nil // the caller's slice is its own
	if _, err := conn.Open(t.Context(), "", []string{"not an address"}, opt); errors.Is(err, conn.ErrOption) {
		t.Error(err)
	}
}

func TestRequestsAboutUsersAreShownToNoHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		o := &observer{}
		c := openFake(t, []*member{a}, conn.WithHooks(o))
		_, _ = pb.NewAuthClient(c).UserAdd(t.Context(), &pb.AuthUserAddRequest{Name: "u", Password: "pw-secret"})
		_, _ = pb.NewAuthClient(c).UserChangePassword(t.Context(), &pb.AuthUserChangePasswordRequest{Name: "u", Password: "pw-secret"})
		_, _ = pb.NewAuthClient(c).Authenticate(t.Context(), &pb.AuthenticateRequest{Name: "u", Password: "pw-secret"})
		if err := write(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		calls := o.take()
		for _, s := range calls[:3] {
			shown := fmt.Sprintf("%v %+v %#v %v", s.info, s.info, s.info, s.result)
			if s.info.Request() != nil || strings.Contains(shown, "pw-secret") {
				t.Errorf("%s: %v, %s", s.info.Method, s.info.Request(), shown)
			}
		}
		if r, ok := calls[3].info.Request().(*pb.PutRequest); !ok || string(r.Key) != "k" {
			t.Errorf("of a Put: %v", calls[3].info.Request())
		}
	})
}

func TestHooksOfANamespaceAreThoseOfItsConnectionAndSeeItsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		o := &observer{}
		c := openFake(t, []*member{a}, conn.WithHooks(o))
		n := mustNamespace(t, mustNamespace(t, c, "outer", "p/"), "inner", "q/")
		if err := write(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if _, err := pb.NewKVClient(n).Compact(t.Context(), &pb.CompactionRequest{}); err == nil {
			t.Error("a namespace has compacted")
		}
		a.list(map[string][]string{"a": {"http://a:1"}})
		if err := n.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		stream, err := pb.NewWatchClient(n).Watch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = stream.Recv()
		}
		calls := o.take()
		for i, want := range []string{"Put", "Compact", "MemberList"} {
			s := calls[i]
			if s.info.Connection != "inner" || !strings.HasSuffix(s.info.Method, "/"+want) || (s.result.Err == nil) == (want == "Compact") {
				t.Errorf("call %d: %+v, %+v", i, s.info, s.result)
			}
		}
		if r := calls[0].info.Request().(*pb.PutRequest); string(r.GetKey()) != "k" {
			t.Errorf("the key is %q", r.GetKey())
		}
		streams := o.ended()
		if len(streams) != 1 || streams[0].info.Connection != "inner" || !errors.Is(streams[0].err, conn.ErrClosed) {
			t.Errorf("the streams are %+v", streams)
		}
	})
}

func TestCallThatPanicsEndsForItsHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		o := &observer{}
		c := openFake(t, []*member{a}, conn.WithHooks(o), conn.WithDialOptions(grpc.WithUnaryInterceptor(func(
			parent context.Context, method string, args, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			if method == pb.KV_Put_FullMethodName {
				panic("interceptor")
			}
			return next(parent, method, args, reply, cc, opts...)
		})))
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic does not reach the caller")
				}
			}()
			_ = write(t.Context(), c)
		}()
		if calls := o.take(); len(calls) != 1 || calls[0].String() != "Put: 1 at a:1 unknown = unknown by a:1 after 1, hedged false" {
			t.Errorf("got %v", calls)
		}
		if open, lost := o.left(); open != 0 || lost != 0 {
			t.Errorf("%d have not ended, %d attempts have no call", open, lost)
		}
	})
}
