// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

func TestCredentialsFunctionIsCalledForEachAuthentication(t *testing.T) {
	cluster := etcdtest.Start(t, cheap, etcdtest.WithFlags("--auth-token-ttl=1"))
	withUsers(t, cluster)
	var password atomic.Pointer[string]
	set := func(p string) { password.Store(&p) }
	set(userPassword)
	failing := errors.New("the vault is closed")
	c := open(t, "", cluster.Endpoints(), conn.WithCredentialsFunc(func(context.Context) (string, string, error) {
		p := *password.Load()
		if p == "" {
			return "", "", failing
		}
		return "user", p, nil
	}))
	key := kv.New(c.Name()).WithKey("mine/k").WithValue("v")
	if _, err := kv.Put(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	const changed = "another one"
	root := open(t, "", cluster.Endpoints(), conn.WithCredentials("root", rootPassword))
	if _, err := auth.UserChangePassword(t.Context(), auth.New(root.Name()), "user", changed); err != nil {
		t.Fatal(err)
	}
	set("")
	waitFor(t, func() bool {
		_, err := kv.Put(t.Context(), key)
		return errors.Is(err, failing) && !strings.Contains(err.Error(), changed)
	})
	set(changed)
	waitFor(t, func() bool { _, err := kv.Put(t.Context(), key); return err == nil })
}

func TestBadCredentialsOptionsAreRefused(t *testing.T) {
	ask := func(context.Context) (string, string, error) { return "u", "p", nil }
	for name, opts := range map[string][]conn.Option{
		"nil":                    {conn.WithCredentialsFunc(nil)},
		"beside WithCredentials": {conn.WithCredentialsFunc(ask), conn.WithCredentials("u", "p")},
	} {
		if _, err := conn.Open(t.Context(), "", []string{"127.0.0.1:1"}, opts...); !errors.Is(err, conn.ErrOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorOfACredentialsFunctionIsOneLine(t *testing.T) {
	cluster := etcdtest.Start(t, cheap)
	withUsers(t, cluster)
	failing := errors.New("the vault is sealed\nunseal it first")
	ask := conn.WithCredentialsFunc(func(context.Context) (string, string, error) { return "", "", failing })
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, failing) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "sealed unseal") {
			t.Errorf("%s: %q", what, err)
		}
	}
	_, err := conn.Open(t.Context(), "", cluster.Endpoints(), ask)
	check("Open", err)
	c := open(t, "", cluster.Endpoints(), ask, conn.WithLazy(), conn.WithPatience(0))
	waitFor(t, func() bool { return errors.Is(c.Info()[0].Err, failing) })
	check("Info", c.Info()[0].Err)
	_, err = kv.Get(t.Context(), kv.New(c.Name()).WithKey("mine/k"))
	check("Get", err)
}

// The connection calls the user's function on its own goroutines too. If the function panics or ends its goroutine,
// only the authentication fails.
func TestCredentialsFunctionThatDoesNotReturnFailsOneAuthentication(t *testing.T) {
	for name, tt := range map[string]struct {
		fault func()
		want  string
	}{
		"panic":  {func() { panic("no\nvault") }, "credentials: the function panicked: no vault"},
		"Goexit": {runtime.Goexit, "credentials: the function has ended its goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				m.token, m.lag = "kTzGcFsbyrYMfiXq.17", time.Nanosecond
				var asked atomic.Int64
				c := openFake(t, []*member{m}, conn.WithCredentialsFunc(func(context.Context) (string, string, error) {
					if asked.Add(1) == 2 {
						tt.fault()
					}
					return "user", userPassword, nil
				}))
				time.Sleep(50 * time.Second) // between two checks of the endpoint
				m.forget()
				if _, err := put(t.Context(), c); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("a write: %v, want %q", err, tt.want)
				}
				if _, err := put(t.Context(), c); err != nil {
					t.Errorf("the next write: %v", err)
				}
			})
		})
	}
}

// A renewal ends for all that wait for it, even if the caller that makes it panics, as in a user's interceptor.
func TestPanicDuringATokenRenewalReleasesAllWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.token, m.lag = "kTzGcFsbyrYMfiXq.17", time.Nanosecond
		var logins atomic.Int64
		c := openFake(t, []*member{m}, conn.WithCredentials("user", userPassword), conn.WithDialOptions(grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				if method == pb.Auth_Authenticate_FullMethodName && logins.Add(1) == 2 {
					panic("a fault in an interceptor")
				}
				return invoke(ctx, method, args, reply, cc, opts...)
			})))
		time.Sleep(50 * time.Second) // between two checks of the endpoint
		m.forget()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the interceptor's panic did not come to its caller")
				}
			}()
			_, _ = put(t.Context(), c)
		}()
		if _, err := put(t.Context(), c); err != nil {
			t.Errorf("the next write: %v", err)
		}
	})
}

// A function that ignores its context holds up no caller beyond the time of that caller's own. It is asked once for all of
// them, and again once it has returned.
func TestCredentialsFunctionThatIgnoresItsContextHoldsNoCallUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.token, m.lag = "kTzGcFsbyrYMfiXq.17", time.Nanosecond
		var asked atomic.Int64
		stuck := make(chan struct{})
		c := openFake(t, []*member{m}, conn.WithCredentialsFunc(func(context.Context) (string, string, error) {
			if asked.Add(1) == 2 {
				<-stuck
			}
			return "user", userPassword, nil
		}))
		time.Sleep(50 * time.Second) // between two checks of the endpoint
		m.forget()
		took := func(what string, want time.Duration, call func() error) {
			t.Helper()
			began := time.Now()
			if err := call(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != want {
				t.Errorf("%s that has %v: after %v: %v", what, want, time.Since(began), err)
			}
		}
		within := conn.Within(300 * time.Millisecond)
		took("a write", 300*time.Millisecond, func() error { _, err := put(t.Context(), c, within); return err })
		limited, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		took("another write", 200*time.Millisecond, func() error { _, err := put(limited, c); return err })
		watches := pb.NewWatchClient(c)
		if refused, err := watches.Watch(t.Context()); err != nil {
			t.Fatal(err)
		} else if _, err := refused.Recv(); !errors.Is(err, etcderr.ErrInvalidAuthToken) {
			t.Fatalf("a stream with the token that is refused: %v", err)
		}
		took("a stream", 300*time.Millisecond, func() error { _, err := watches.Watch(t.Context(), within); return err })
		if n := asked.Load(); n != 2 {
			t.Errorf("the function was asked %d times, want once to connect and once again", n)
		}
		close(stuck)
		if _, err := put(t.Context(), c); err != nil {
			t.Errorf("a write once the function returns: %v", err)
		}
	})
}

// Close waits for the function as for any goroutine of the connection: not forever.
func TestCloseTellsOfACredentialsFunctionThatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.token = "kTzGcFsbyrYMfiXq.17"
		stuck := make(chan struct{})
		defer close(stuck)
		c, err := conn.Open(t.Context(), "", endpoints(m), network(m), conn.WithLazy(),
			conn.WithCredentialsFunc(func(context.Context) (string, string, error) {
				<-stuck
				return "user", userPassword, nil
			}))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		if err := c.Close(); err == nil || !strings.Contains(err.Error(), "credentials function") || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// The function may use another connection of this SDK. That one's outage says nothing of the endpoints of this one.
func TestStreamPausesWhileItsCredentialsAreUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := make(chan struct{})
		m := newMember(t, "a", grpc.StreamInterceptor(
			func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, serve grpc.StreamHandler) error {
				served := make(chan error, 1)
				go func() { served <- serve(srv, s) }()
				select {
				case err := <-served:
					return err
				case <-cut:
					return status.Error(codes.Unavailable, "the stream is cut")
				}
			}))
		m.token, m.lag, m.creates = "kTzGcFsbyrYMfiXq.17", time.Nanosecond, true
		elsewhere, err := conn.Open(t.Context(), "", []string{"nowhere:1"}, network(), conn.WithLazy(), conn.WithPatience(0))
		if err != nil {
			t.Fatal(err)
		}
		defer elsewhere.Close()
		var asked atomic.Int64
		var down atomic.Bool
		c := openFake(t, []*member{m}, conn.WithHealthCheckInterval(time.Hour),
			conn.WithCredentialsFunc(func(parent context.Context) (string, string, error) {
				asked.Add(1)
				if down.Load() {
					_, err := get(parent, elsewhere)
					return "", "", err
				}
				return "user", userPassword, nil
			}))
		w, err := watch.Watch(t.Context(), kv.New(c.Name()).WithKey("k"))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		time.Sleep(time.Minute)
		m.forget()
		down.Store(true)
		asked.Store(0)
		cut <- struct{}{}
		time.Sleep(10 * time.Second)
		if n := asked.Load(); n < 2 || n > 100 {
			t.Errorf("the function was asked %d times in 10 s", n)
		}
		down.Store(false)
		time.Sleep(2 * time.Second)
		if st := w.Status(); !st.InStep {
			t.Errorf("the watch, once the credentials can be had: %+v", st)
		}
	})
}

func TestCloseEndsCallsThatWaitForACredentialsFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.token, m.lag = "kTzGcFsbyrYMfiXq.17", time.Nanosecond
		var asked atomic.Int64
		c := openFake(t, []*member{m}, conn.WithCredentialsFunc(func(context.Context) (string, string, error) {
			if asked.Add(1) > 1 {
				time.Sleep(4 * time.Second) // whatever its context says
			}
			return "user", userPassword, nil
		}))
		time.Sleep(50 * time.Second) // between two checks of the endpoint
		m.forget()
		start := time.Now()
		var calls sync.WaitGroup
		for range 2 { // one asks the function, and the other one waits for it
			calls.Go(func() {
				if _, err := put(t.Context(), c); !errors.Is(err, conn.ErrClosed) || etcderr.OutcomeOf(err) != etcderr.Rejected {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); took != time.Second {
					t.Errorf("a call ended after %v, and Close began after 1s", took)
				}
			})
		}
		time.Sleep(time.Second)
		if n := asked.Load(); n != 2 {
			t.Fatalf("the function was asked %d times", n)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		calls.Wait()
	})
}
