// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
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
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// The tests in this file run on a fake clock, so their times are exact and take no real time.

// txnsMeet makes transactions meet f, and lets other requests take 10 ms.
func (m *member) txnsMeet(f func(parent context.Context) error) {
	m.answerKV(func(parent context.Context) error {
		if method, _ := grpc.Method(parent); method == pb.KV_Txn_FullMethodName {
			return f(parent)
		}
		return slowly(10 * time.Millisecond)(parent)
	})
}

// ride makes reads of the keys 0, 1, 2 and so on, each within its limit. The first one goes alone, to b, and the others in one trip, which
// begins at a.
func ride(t *testing.T, c *conn.Conn, limits ...time.Duration) {
	t.Helper()
	readFrom(t, c, "a")
	var reading sync.WaitGroup
	for i, limit := range limits {
		reading.Go(func() {
			time.Sleep(time.Duration(i) * time.Microsecond)
			_, _ = pb.NewKVClient(c).Range(t.Context(), &pb.RangeRequest{Key: []byte(strconv.Itoa(i))}, conn.Within(limit))
		})
	}
	reading.Wait()
	synctest.Wait()
}

func TestHooksSeeHowEachReadWentThatTravelledWithOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		a, b func(parent context.Context) error // what transactions meet
		want string                             // of each rider
		told int                                // attempts of the trip
	}{
		"answered": {
			slowly(time.Millisecond), nil,
			"Range: 1 at a:1 none = none by a:1 after 1, hedged false, batched", 1,
		},
		"hedged": {
			slowly(time.Minute), slowly(time.Millisecond),
			"Range: 1 at a:1 unknown lost, 2 at b:1 none hedge = none by b:1 after 2, hedged true, batched", 2,
		},
		"sent again": {
			func(context.Context) error { return status.Error(codes.Unavailable, "etcdserver: leader changed") }, slowly(time.Millisecond),
			"Range: 1 at a:1 unknown, 2 at b:1 none = none by b:1 after 2, hedged false, batched", 2,
		},
		"failed": {
			slowly(time.Minute), slowly(time.Minute),
			"Range: 1 at a:1 unknown, 2 at b:1 unknown hedge = unknown by a:1 after 2, hedged true, batched", 2,
		},
		"refused, and read alone": {
			func(context.Context) error {
				return status.Error(codes.PermissionDenied, "etcdserver: permission denied")
			}, nil,
			"Range: 1 at a:1 rejected, 2 at ?:1 none = none by ?:1 after 2, hedged false", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				a.txnsMeet(tt.a)
				b.txnsMeet(tt.b)
				var told atomic.Int64
				riders := attemptFunc(func(_ context.Context, i conn.AttemptInfo) func(conn.AttemptResult) {
					if len(i.Riders) == 3 && i.Method == pb.KV_Txn_FullMethodName {
						told.Add(1)
					}
					return nil
				})
				o := &observer{}
				c := openFake(t, []*member{a, b}, conn.WithBatching(), conn.WithHooks(o, riders))
				n := mustNamespace(t, c, "tenant", "p/")
				for _, c := range []*conn.Conn{c, n} {
					o.take()
					told.Store(0)
					ride(t, c, time.Hour, 3*time.Second, 3*time.Second, 3*time.Second)
					calls := o.take()
					calls = calls[len(calls)-4:]
					var went []string
					for _, s := range calls {
						if text := s.String(); !strings.HasPrefix(text, "Range: 1 at b:1 none = none") { // otherwise the one that goes alone
							went = append(went, text)
						}
					}
					for i, text := range went { // those that go alone take turns
						if j := strings.Index(tt.want, "?"); j >= 0 && j < len(text) {
							went[i] = strings.ReplaceAll(text, ", 2 at "+text[j:j+1], ", 2 at ?")
							went[i] = strings.ReplaceAll(went[i], "by "+text[j:j+1], "by ?")
						}
					}
					if want := slices.Repeat([]string{tt.want}, 3); !slices.Equal(went, want) || int(told.Load()) != tt.told {
						t.Errorf("%d attempts were told; got\n%s\nwant %d and\n%s", told.Load(), strings.Join(went, "\n"), tt.told, tt.want)
					}
				}
				if open, lost := o.left(); open != 0 || lost != 0 {
					t.Errorf("%d have not ended, %d attempts have no call", open, lost)
				}
			})
		})
	}
}

func TestReadThatLeavesItsTripTellsItsHooksHowFarItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		a.txnsMeet(slowly(time.Minute))
		b.txnsMeet(slowly(time.Second))
		var mu sync.Mutex
		results := map[string]conn.CallResult{}
		c := openFake(t, []*member{a, b}, conn.WithBatching(), conn.WithHooks(
			callFunc(func(parent context.Context, i conn.CallInfo) (context.Context, func(conn.CallResult)) {
				key := string(i.Request().(*pb.RangeRequest).GetKey())
				return parent, func(r conn.CallResult) {
					mu.Lock()
					defer mu.Unlock()
					results[key] = r
				}
			})))
		ride(t, c, time.Hour, 100*time.Millisecond, 700*time.Millisecond, 3*time.Second)
		for key, want := range map[string]conn.CallResult{
			"0": {Endpoint: "b:1", Attempts: 1},
			"1": {Batched: true, Endpoint: "a:1", Attempts: 1},
			"2": {Batched: true, Endpoint: "a:1", Attempts: 2, Hedged: true},
			"3": {Batched: true, Endpoint: "b:1", Attempts: 2, Hedged: true},
		} {
			got := results[key]
			if late := strings.Contains("12", key); late != errors.Is(got.Err, context.DeadlineExceeded) {
				t.Errorf("%s: the error is %v", key, got.Err)
			}
			got.Err = nil
			if got != want {
				t.Errorf("%s: got %+v, want %+v", key, got, want)
			}
		}
	})
}

func TestCloseNamesACallOrAttemptHookThatHangs(t *testing.T) {
	hang := make(chan struct{})
	wait := func() { <-hang }
	for name, h := range map[string]conn.Hook{
		"OnAttempt": attemptFunc(func(_ context.Context, i conn.AttemptInfo) func(conn.AttemptResult) {
			if i.Riders != nil {
				wait()
			}
			return nil
		}),
		"the function from OnAttempt": attemptFunc(func(_ context.Context, i conn.AttemptInfo) func(conn.AttemptResult) {
			return func(conn.AttemptResult) {
				if i.Riders != nil {
					wait()
				}
			}
		}),
		"OnCall": callFunc(func(parent context.Context, i conn.CallInfo) (context.Context, func(conn.CallResult)) {
			if i.Method == pb.KV_Put_FullMethodName {
				wait()
			}
			return parent, nil
		}),
		"the function from OnCall": callFunc(func(parent context.Context, i conn.CallInfo) (context.Context, func(conn.CallResult)) {
			return parent, func(conn.CallResult) {
				if i.Method == pb.KV_Put_FullMethodName {
					wait()
				}
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hang = make(chan struct{})
				a, b := newMember(t, "a"), newMember(t, "b")
				for _, m := range []*member{a, b} {
					m.txnsMeet(slowly(time.Millisecond))
				}
				c, err := conn.Open(t.Context(), "", endpoints(a, b), network(a, b), conn.WithBatching(), conn.WithHooks(h))
				if err != nil {
					t.Fatal(err)
				}
				ride(t, c, time.Second, time.Second, time.Second)
				if err := engineOf(t, c).Go(func(context.Context) { _, _ = put(context.Background(), c) }); err != nil { // as the SDK's own calls
					t.Fatal(err)
				}
				synctest.Wait()
				start := time.Now()
				err = c.Close()
				if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "a call or attempt hook has not returned within 5s") || took != 5*time.Second {
					t.Errorf("Close took %v, and returned %v", took, err)
				}
				close(hang)
			})
		})
	}
}

// A hedge runs on a goroutine of the connection.
func TestHedgeWhoseInterceptorEndsTheGoroutineEndsForItsHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		for _, m := range []*member{a, b} {
			m.answerKV(slowly(time.Second))
		}
		var reads atomic.Int64
		o := &observer{}
		c := openFake(t, []*member{a, b}, conn.WithHooks(o), conn.WithDialOptions(grpc.WithChainUnaryInterceptor(func(
			parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			if method == pb.KV_Range_FullMethodName && reads.Add(1) == 2 {
				runtime.Goexit()
			}
			return invoke(parent, method, req, reply, cc, opts...)
		})))
		if err := read(t.Context(), c); err != nil {
			t.Error(err)
		}
		if calls := o.take(); len(calls) != 1 || len(calls[0].attempts) != 2 || calls[0].result.Attempts != 2 {
			t.Errorf("got %v", calls)
		}
		if open, lost := o.left(); open != 0 || lost != 0 {
			t.Errorf("%d have not ended, %d attempts have no call", open, lost)
		}
	})
}
