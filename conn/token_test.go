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
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// A member that lags behind the one that gave out a token refuses it at first. Another one would not be known earlier.
func TestTokenThatAMemberIsYetToLearnOfIsKept(t *testing.T) {
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

// For a member that will not learn of it, another token is asked for in the end, and no more than a few.
func TestTokenThatIsNeverTakenIsReplacedInTheEnd(t *testing.T) {
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
