// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// A member that lags behind the one that issued a token refuses it at first. It would learn of another token even
// later.
func TestTokenIsKeptUntilAMemberHasLearnedOfIt(t *testing.T) {
	for _, lag := range []time.Duration{time.Nanosecond, 10 * time.Millisecond, 400 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			m := newMember(t, "a")
			m.token, m.lag, m.creates = "kTzGcFsbyrYMfiXq.17", lag, true
			c := openFake(t, []*member{m}, conn.WithCredentials("user", userPassword))
			expect := func(what string, want int64, err error) {
				t.Helper()
				if err != nil {
					t.Errorf("%v, %s: %v", lag, what, err)
				}
				if got := m.logins.Load(); got != want {
					t.Errorf("%v, %s: %d authentications, want %d", lag, what, got, want)
				}
				time.Sleep(time.Minute)
				m.forget()
			}
			expect("open", 1, nil)
			_, err := put(t.Context(), c)
			expect("a write", 2, err)
			limited, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			w, err := watch.Watch(limited, kv.New(c.Name()).WithKey("k"))
			expect("a watch", 3, err)
			if err == nil {
				w.Close()
			}
		})
	}
}

// When many clients come back at once, the members are busy checking passwords.
func TestOpenWaitsForASlowPasswordCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.token = "kTzGcFsbyrYMfiXq.17"
		var others atomic.Int64
		c := openFake(t, []*member{m}, conn.WithCredentials("user", userPassword), slowLogins(4*time.Second, &others))
		if n := m.logins.Load(); n != 1 {
			t.Errorf("%d authentications", n)
		}
		if _, err := put(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}

func TestOpenDoesNotWaitForTheLastEndpointOnceOneServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		for _, m := range []*member{a, b} {
			m.token = "kTzGcFsbyrYMfiXq.17"
		}
		b.lag = time.Hour
		b.forget() // and it takes no token, so that it is asked for another one
		var n atomic.Int64
		n.Store(-1)
		began := time.Now()
		openFake(t, []*member{a, b}, conn.WithCredentials("user", userPassword), slowLogins(4*time.Second, &n))
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("Open took %v", took)
		}
	})
}

// slowLogins makes authentications take d once n has reached one.
func slowLogins(d time.Duration, n *atomic.Int64) conn.Option {
	return conn.WithDialOptions(grpc.WithChainUnaryInterceptor(
		func(parent context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if method == pb.Auth_Authenticate_FullMethodName && n.Add(1) > 0 {
				select {
				case <-time.After(d):
				case <-parent.Done():
					return status.FromContextError(parent.Err()).Err()
				}
			}
			return invoke(parent, method, args, reply, cc, opts...)
		}))
}

// If a member never accepts a token, the connection asks for another one at last, and only for a few.
func TestTokenThatAMemberKeepsRefusingIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.token, m.lag = "kTzGcFsbyrYMfiXq.17", time.Hour
		c := openFake(t, []*member{m}, conn.WithCredentials("user", userPassword))
		if e := c.Info()[0]; e.State != conn.Active {
			t.Errorf("the endpoint: %+v", e)
		}
		before, began := m.logins.Load(), time.Now()
		_, err := put(t.Context(), c)
		if err == nil {
			t.Fatal("a write was taken")
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("a write fails after %v", took)
		}
		if got := m.logins.Load() - before; got < 1 || got > 3 {
			t.Errorf("%d authentications for a write", got)
		}
	})
}

func TestStreamWaitsForAnotherTokenAsLongAsTheDefaultTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, 5 * time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			m := newMember(t, "a")
			m.token, m.lag = "kTzGcFsbyrYMfiXq.17", time.Nanosecond
			var stuck atomic.Bool
			c := openFake(t, []*member{m}, conn.WithCredentials("user", userPassword), conn.WithDefaultTimeout(timeout),
				conn.WithHealthCheckInterval(time.Hour), conn.WithDialOptions(grpc.WithChainUnaryInterceptor(
					func(parent context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
						if stuck.Load() && method == pb.Auth_Authenticate_FullMethodName {
							<-parent.Done()
							return status.FromContextError(parent.Err()).Err()
						}
						return invoke(parent, method, args, reply, cc, opts...)
					})))
			time.Sleep(time.Second)
			m.forget()
			stuck.Store(true)
			s, err := pb.NewWatchClient(c).Watch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Recv(); !errors.Is(err, etcderr.ErrInvalidAuthToken) {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = pb.NewWatchClient(c).Watch(t.Context())
			if took := time.Since(began); took != timeout || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v: it took %v: %v", timeout, took, err)
			}
		})
	}
}

// A process with little CPU may read the refusal when the member already knows the token.
func TestRefusalThatIsReadLateReplacesNoYoungToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const late = 700 * time.Millisecond
		m := newMember(t, "a")
		m.token, m.lag, m.creates = "kTzGcFsbyrYMfiXq.17", 10*time.Millisecond, true
		c := openFake(t, []*member{m}, conn.WithCredentials("user", userPassword), conn.WithHealthCheckInterval(time.Hour),
			conn.WithDialOptions(
				grpc.WithChainUnaryInterceptor(
					func(parent context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
						err := invoke(parent, method, args, reply, cc, opts...)
						if err != nil && method == pb.KV_Put_FullMethodName {
							time.Sleep(late)
						}
						return err
					}),
				grpc.WithChainStreamInterceptor(
					func(parent context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
						s, err := open(parent, desc, cc, method, opts...)
						return readLate{s, late}, err
					})))
		for name, call := range map[string]func() error{
			"a write": func() error { _, err := put(t.Context(), c); return err },
			"a watch": func() error {
				w, err := watch.Watch(t.Context(), kv.New(c.Name()).WithKey("k"))
				if err == nil {
					err = w.Close()
				}
				return err
			},
		} {
			time.Sleep(time.Second)
			m.forget()
			before := m.logins.Load()
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n := m.logins.Load() - before; n != 1 {
				t.Errorf("%s: %d authentications", name, n)
			}
		}
	})
}

// readLate is a stream whose end is read late.
type readLate struct {
	grpc.ClientStream
	late time.Duration
}

func (r readLate) RecvMsg(m any) error {
	err := r.ClientStream.RecvMsg(m)
	if err != nil {
		time.Sleep(r.late)
	}
	return err
}

// A server that locks for a client writes the key first, and waits then. A refusal of its token may come after the write.
func TestLockThatIsRefusedForItsTokenIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		m := newMember(t, "a", grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
			sent.Add(1)
			return status.Error(codes.Unauthenticated, "etcdserver: invalid auth token")
		}))
		m.token = "kTzGcFsbyrYMfiXq.17"
		c := openFake(t, []*member{m}, conn.WithCredentials("user", userPassword))
		time.Sleep(time.Minute)
		logins := m.logins.Load()
		_, err := v3lockpb.NewLockClient(c).Lock(t.Context(), &v3lockpb.LockRequest{Name: []byte("l")})
		if !errors.Is(err, etcderr.ErrInvalidAuthToken) || etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("got %v", err)
		}
		if n := sent.Load(); n != 1 {
			t.Errorf("the request was sent %d times", n)
		}
		if n := m.logins.Load() - logins; n != 1 {
			t.Errorf("%d logins for the next call, want one", n)
		}
	})
}
