// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
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
)

// The tests in this file run on a fake clock, so their times are exact and take no real time.

// eachKind has one call of each kind that waits for an endpoint.
var eachKind = map[string]func(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) error{
	"read": func(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) error {
		_, err := get(parent, c, opts...)
		return err
	},
	"write": func(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) error {
		_, err := put(parent, c, opts...)
		return err
	},
	"stream": func(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) error {
		parent, cancel := context.WithCancel(parent)
		defer cancel()
		s, err := pb.NewWatchClient(c).Watch(parent, opts...)
		if err == nil {
			_, err = s.Recv()
		}
		return err
	},
}

// eachOf makes one call of each kind at the same time, and passes on the error and duration of each.
func eachOf(parent context.Context, c *conn.Conn, ended func(kind string, err error, took time.Duration), opts ...grpc.CallOption) {
	var calls sync.WaitGroup
	for kind, call := range eachKind {
		calls.Go(func() {
			start := time.Now()
			err := call(parent, c, opts...)
			ended(kind, err, time.Since(start))
		})
	}
	calls.Wait()
}

func TestCallsWaitForAMemberThatRestarts(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		for _, opts := range [][]grpc.CallOption{nil, {conn.OnEndpoint("a:1")}} {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				c := openFake(t, []*member{a}, conn.WithMode(mode))
				a.Stop()
				synctest.Wait()
				time.AfterFunc(2*time.Second, a.Start)
				eachOf(t.Context(), c, func(kind string, err error, took time.Duration) {
					if err != nil || took < 2*time.Second || took > 4*time.Second {
						t.Errorf("%v: a %s over a restart of 2 s ended after %v: %v", mode, kind, took, err)
					}
				}, opts...)
			})
		}
	}
}

func TestRandomMovesOnWithoutAFailedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b}, conn.WithMode(conn.Random))
		for range 4 {
			pinned := a
			if states(c)["b:1"] == conn.Active {
				pinned = b
			}
			pinned.Stop()
			synctest.Wait()
			eachOf(t.Context(), c, func(kind string, err error, took time.Duration) {
				if err != nil {
					t.Errorf("a %s after %v: %v", kind, took, err)
				}
			})
			pinned.Start()
		}
	})
}

func TestOutageBeyondThePatienceFailsCallsAtOnce(t *testing.T) {
	for _, opts := range [][]grpc.CallOption{nil, {conn.OnEndpoint("a:1"), conn.Within(time.Minute)}} {
		synctest.Test(t, func(t *testing.T) {
			a := newMember(t, "a")
			c := openFake(t, []*member{a})
			a.Stop()
			synctest.Wait()
			outage := time.Now()
			for _, at := range []time.Duration{time.Second, 5 * time.Second, 30 * time.Second} {
				time.Sleep(at - time.Since(outage))
				want := max(0, 5*time.Second-at)
				eachOf(t.Context(), c, func(kind string, err error, took time.Duration) {
					if took != want {
						t.Errorf("%v into the outage a %s took %v to fail, want %v", at, kind, took, want)
					}
					if !errors.Is(err, conn.ErrUnavailable) || etcderr.OutcomeOf(err) != etcderr.NotSent || status.Code(err) != codes.Unavailable {
						t.Errorf("%s: got %v with outcome %v", kind, err, etcderr.OutcomeOf(err))
					}
					if text := err.Error(); !strings.Contains(text, "a:1: ") || strings.Contains(text, "before that") || strings.Contains(text, "\n") {
						t.Errorf("%s: the text is %q", kind, text)
					}
				}, opts...)
			}
			// The return of the member ends the failures, and the length of the next outage counts from zero.
			a.Start()
			if err := c.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			a.Stop()
			synctest.Wait()
			time.AfterFunc(time.Second, a.Start)
			eachOf(t.Context(), c, func(kind string, err error, _ time.Duration) {
				if err != nil {
					t.Errorf("in the next outage, a %s: %v", kind, err)
				}
			}, opts...)
		})
	}
}

func TestWaitForAnEndpointEndsWithTheCall(t *testing.T) {
	reason := errors.New("shutting down")
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, c *conn.Conn) (context.Context, []grpc.CallOption)
		is   []error
		code codes.Code
		text string
	}{
		{"the caller's deadline", func(t *testing.T, _ *conn.Conn) (context.Context, []grpc.CallOption) {
			parent, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			return parent, nil
		}, []error{context.DeadlineExceeded, conn.ErrUnavailable}, codes.DeadlineExceeded, ": context deadline exceeded: a:1: "},
		{"the request's deadline", func(t *testing.T, _ *conn.Conn) (context.Context, []grpc.CallOption) {
			return t.Context(), []grpc.CallOption{conn.Within(time.Second)}
		}, []error{context.DeadlineExceeded, conn.ErrUnavailable}, codes.DeadlineExceeded, ": context deadline exceeded: a:1: "},
		{"the caller's reason", func(t *testing.T, _ *conn.Conn) (context.Context, []grpc.CallOption) {
			parent, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(reason) })
			return parent, nil
		}, []error{context.Canceled, reason, conn.ErrUnavailable}, codes.Canceled, ": context canceled: shutting down: a:1: "},
		{"Close", func(t *testing.T, c *conn.Conn) (context.Context, []grpc.CallOption) {
			time.AfterFunc(time.Second, func() { _ = c.Close() })
			return t.Context(), nil
		}, []error{conn.ErrClosed}, codes.Canceled, "conn: closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				c := openFake(t, []*member{a})
				a.Stop()
				synctest.Wait()
				parent, opts := tt.end(t, c)
				eachOf(parent, c, func(kind string, err error, took time.Duration) {
					if took != time.Second {
						t.Errorf("%s: took %v", kind, took)
					}
					for _, is := range tt.is {
						if !errors.Is(err, is) {
							t.Errorf("%s: %v is not %v", kind, err, is)
						}
					}
					if etcderr.OutcomeOf(err) != etcderr.NotSent || status.Code(err) != tt.code {
						t.Errorf("%s: %v has the outcome %v and the code %v", kind, err, etcderr.OutcomeOf(err), status.Code(err))
					}
					if text := err.Error(); !strings.Contains(text, tt.text) || strings.Contains(text, "before that") || strings.Contains(text, "\n") {
						t.Errorf("%s: the text is %q", kind, text)
					}
				}, opts...)
			})
		})
	}
}

func TestPinnedCallWaitsByTheOutageOfItsEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.Stop()
		synctest.Wait()
		time.Sleep(4 * time.Second)
		b.Stop()
		synctest.Wait()
		for _, address := range []string{"a:1", "b:1"} { // a second after the other
			want := map[string]time.Duration{"a:1": time.Second, "b:1": 4 * time.Second}[address]
			eachOf(t.Context(), c, func(kind string, err error, took time.Duration) {
				if took != want || !errors.Is(err, conn.ErrUnavailable) {
					t.Errorf("%s: a %s took %v, want %v: %v", address, kind, took, want, err)
				}
				for _, m := range []string{"a:1", "b:1"} {
					if strings.Contains(err.Error(), m+": ") != (m == address) {
						t.Errorf("%s: a %s fails with %v", address, kind, err)
					}
				}
			}, conn.OnEndpoint(address))
		}
	})
}

func TestPatienceStartsAtOpenIfNothingWasEverActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.Stop()
		c := openFake(t, []*member{a}, conn.WithLazy(), conn.WithPatience(2*time.Second))
		for _, want := range []time.Duration{2 * time.Second, 0} {
			eachOf(t.Context(), c, func(kind string, err error, took time.Duration) {
				if took != want || !errors.Is(err, conn.ErrUnavailable) {
					t.Errorf("a %s took %v, want %v: %v", kind, took, want, err)
				}
			})
		}
	})
}

func TestRandomModeDoesNotWaitForAStandbyEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b}, conn.WithMode(conn.Random))
		for address, s := range states(c) {
			eachOf(t.Context(), c, func(kind string, err error, took time.Duration) {
				if took != 0 || (err == nil) != (s == conn.Active) {
					t.Errorf("a %s for %s, which is %v, took %v: %v", kind, address, s, took, err)
				}
			}, conn.OnEndpoint(address))
		}
	})
}

func TestWithoutPatienceAllCallsFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a}, conn.WithPatience(0))
		a.Stop()
		time.Sleep(time.Second)
		eachOf(t.Context(), c, func(kind string, err error, took time.Duration) {
			if took != 0 || !errors.Is(err, conn.ErrUnavailable) || etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("a %s took %v: %v", kind, took, err)
			}
		})
	})
}

// A hash of a database has no default deadline, but a member that cannot compute it is not asked forever.
func TestReadWithoutADeadlineIsRetriedAFewTimesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		var sent atomic.Int64
		c := openFake(t, []*member{a}, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(
			func(parent context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				if method != pb.Maintenance_HashKV_FullMethodName {
					return invoke(parent, method, args, reply, cc, opts...)
				}
				sent.Add(1)
				return status.Error(codes.Unavailable, "no luck")
			})))
		began := time.Now()
		_, err := pb.NewMaintenanceClient(c).HashKV(t.Context(), new(pb.HashKVRequest))
		if took := time.Since(began); status.Code(err) != codes.Unavailable || took > 10*time.Second || sent.Load() < 2 {
			t.Errorf("it was sent %d times in %v: %v", sent.Load(), took, err)
		}
	})
}
