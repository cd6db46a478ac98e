// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
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

func TestSilentReadIsHedgedAfter500msAndItsEndpointFrozenWithin2s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.Pause()
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
		if silent != 2 {
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
		a.Resume()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if s := states(c)["a:1"]; s != conn.Active {
			t.Errorf("after its return the endpoint is %v", s)
		}
	})
}

func TestAnswersThatArriveDuringTheHedgeAreReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		for _, m := range []*member{a, b} {
			m.answerKV(func(context.Context) error {
				time.Sleep(500 * time.Millisecond)
				return nil
			})
		}
		var calls sync.WaitGroup
		for range 200 {
			calls.Go(func() {
				if r, err := get(t.Context(), c); err != nil || r.Header.GetMemberId() == 0 {
					t.Errorf("got %v, %v", r, err)
				}
			})
		}
		calls.Wait()
		time.Sleep(time.Second) // of the second answers, that nobody waits for
	})
}

func TestReadDoesNotWaitForASilentMemberWhoseEndpointIsFrozen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pinned bool
		bad    func(a, b *member)
		err    error
		takes  time.Duration
	}{
		// The hedge delay, and a second for the probe.
		{"the hedge fails", false, func(a, b *member) {
			a.Pause()
			start := time.Now()
			b.answerKV(func(context.Context) error {
				if time.Since(start) < 1500*time.Millisecond { // until then the hedge is sent again
					return status.Error(codes.Unavailable, "etcdserver: leader changed")
				}
				return nil
			})
		}, nil, 1500 * time.Millisecond},
		// The hedge has its own delay, and the last endpoint is probed twice.
		{"the hedge is silent too", false, func(a, b *member) { a.Pause(); b.Pause() }, conn.ErrUnavailable, 3 * time.Second},
		{"the call is for one endpoint only", true, func(a, _ *member) { a.Pause() }, conn.ErrUnavailable, 1500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				c := openFake(t, []*member{a, b}, conn.WithPatience(0))
				tt.bad(a, b)
				var opts []grpc.CallOption
				if tt.pinned {
					opts = append(opts, conn.OnEndpoint("a:1"))
				}
				slowest := time.Duration(0)
				for range 3 { // each endpoint has its turn
					start := time.Now()
					if _, err := get(t.Context(), c, opts...); !errors.Is(err, tt.err) || errors.Is(err, context.Canceled) {
						t.Errorf("got %v, want %v", err, tt.err)
					}
					slowest = max(slowest, time.Since(start))
				}
				if slowest < tt.takes || slowest > tt.takes+100*time.Millisecond { // which is for pauses between retries
					t.Errorf("the slowest of three reads took %v, want %v", slowest, tt.takes)
				}
			})
		})
	}
}

func TestSilentWriteIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.Pause()
		b.Pause()
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

func TestReadThatAsksForTheHeaderIsNotHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.Pause()
		b.Pause()
		time.AfterFunc(800*time.Millisecond, func() { a.Resume(); b.Resume() })
		var header metadata.MD
		if _, err := get(t.Context(), c, grpc.Header(&header)); err != nil {
			t.Error(err)
		}
		if n := a.calls.Load() + b.calls.Load(); n != 1 || len(header) == 0 {
			t.Errorf("sent %d times, header %v", n, header)
		}
	})
}

func TestRefusalThatNoMemberWouldTakeBackEndsAHedgedRead(t *testing.T) {
	compacted := status.Error(codes.OutOfRange, "etcdserver: mvcc: required revision has been compacted")
	for name, answers := range map[string]time.Duration{
		"the other member answers at once":      0,
		"the first member answers in the hedge": 600 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				c := openFake(t, []*member{a, b})
				a.answerKV(func(parent context.Context) error {
					<-parent.Done()
					return status.FromContextError(parent.Err()).Err()
				})
				b.answerKV(func(parent context.Context) error {
					_ = slowly(answers)(parent)
					return compacted
				})
				for range 2 { // each member is the first once
					start := time.Now()
					_, err := get(t.Context(), c)
					var e *etcderr.Error
					if !errors.As(err, &e) || !errors.Is(err, etcderr.ErrCompacted) || errors.Is(err, context.DeadlineExceeded) ||
						e.Endpoint() != "b:1" || e.Outcome() != etcderr.Rejected {
						t.Errorf("got %v", err)
					}
					if took := time.Since(start); took > answers+500*time.Millisecond {
						t.Errorf("took %v", took)
					}
				}
			})
		})
	}
}

func TestCloseOfANamespaceEndsAHedgedRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		n := mustNamespace(t, openFake(t, []*member{a, b}), "tenant", "p/")
		for _, m := range []*member{a, b} {
			m.answerKV(slowly(time.Minute))
		}
		time.AfterFunc(700*time.Millisecond, func() { _ = n.Close() })
		limited, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := get(limited, n); !errors.Is(err, conn.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 700*time.Millisecond {
			t.Errorf("ended after %v, want 700ms", took)
		}
		if a.calls.Load() != 1 || b.calls.Load() != 1 {
			t.Errorf("the read was sent %d and %d times, want once to each", a.calls.Load(), b.calls.Load())
		}
	})
}

// TestHedgeIsSentAgainAfterARefusalThatPasses has one member say nothing of reads though it is well, as a leader that its peers do not
// reach any more. The other one refuses reads at first.
func TestHedgeIsSentAgainAfterARefusalThatPasses(t *testing.T) {
	refusal := status.Error(codes.Unavailable, "etcdserver: leader changed")
	for name, tt := range map[string]struct {
		silent      func(context.Context) error // what the one does
		refuses     time.Duration               // how long the other one refuses
		by          string                      // whose answer the read gets
		least, most time.Duration               // when
	}{
		"until it is answered": {
			func(parent context.Context) error { <-parent.Done(); return parent.Err() },
			1200 * time.Millisecond, "b", 1200 * time.Millisecond, 1700 * time.Millisecond,
		},
		"until the first one answers": {
			slowly(1500 * time.Millisecond), time.Hour, "a", 1500 * time.Millisecond, 1500 * time.Millisecond,
		},
		"until the first one fails": {
			func(parent context.Context) error {
				if err := slowly(1100 * time.Millisecond)(parent); err != nil {
					return err
				}
				return refusal
			},
			1100 * time.Millisecond, "b", 1100 * time.Millisecond, 1100 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				c := openFake(t, []*member{a, b})
				readFrom(t, c, "b") // the next read goes to a
				start := time.Now()
				var asked atomic.Int32
				a.answerKV(tt.silent)
				b.answerKV(func(context.Context) error {
					if asked.Add(1); time.Since(start) < tt.refuses {
						return refusal
					}
					return nil
				})
				r, err := get(t.Context(), c)
				if err != nil || r.Header.MemberId != id(tt.by) {
					t.Errorf("got %v, %v", r, err)
				}
				if took := time.Since(start); took < tt.least || took > tt.most {
					t.Errorf("the read took %v", took)
				}
				if n := asked.Load(); n < 3 || n > 10 {
					t.Errorf("%d hedges", n)
				}
			})
		})
	}
}

// TestHedgesLeaveTheBudgetToTheRetries has one member hang with many reads, while the other one refuses their hedges. Then it dies.
func TestHedgesLeaveTheBudgetToTheRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 400
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.answerKV(func(parent context.Context) error { <-parent.Done(); return parent.Err() })
		start := time.Now()
		const refuses = 1500 * time.Millisecond
		b.answerKV(func(context.Context) error {
			if time.Since(start) < refuses {
				return status.Error(codes.Unavailable, "etcdserver: leader changed")
			}
			return nil
		})
		var reads sync.WaitGroup
		for range callers {
			reads.Go(func() {
				if _, err := get(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(refuses)
		a.answerKV(nil)
		a.Drop()
		reads.Wait()
		if took := time.Since(start); took > refuses+time.Second {
			t.Errorf("the last read took %v", took)
		}
	})
}

// TestHedgeFindsAnEndpointThatComesBack has the other member lose its leader before the hedge, and find it again after that. Then the
// silent one loses it.
func TestHedgeFindsAnEndpointThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		readFrom(t, c, "b") // the next read goes to a
		a.answerKV(func(parent context.Context) error { <-parent.Done(); return parent.Err() })
		var reading sync.WaitGroup
		start := time.Now()
		reading.Go(func() {
			if r, err := get(t.Context(), c); err != nil || r.Header.MemberId != id("b") {
				t.Errorf("got %v, %v", r, err)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("the read took %v", took)
			}
		})
		time.Sleep(100 * time.Millisecond)
		leader := b.Leader.Swap(0)
		limited, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, _ = put(limited, c) // one of two goes to b
		_, _ = put(limited, c)
		if s := states(c)["b:1"]; s != conn.Frozen {
			t.Fatalf("the endpoint without a leader is %v", s)
		}
		time.Sleep(500 * time.Millisecond) // the hedge finds no endpoint
		b.Leader.Store(leader)
		a.Leader.Store(0)
		reading.Wait()
	})
}
