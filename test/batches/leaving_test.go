// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
)

// leave has one caller of many read key under a context while the server answers nothing, and returns its error. Of the others
// nobody is disturbed.
func (w world) leave(c *conn.Conn, keys []string, read func() answer) (err error) {
	w.Helper()
	ended := make(chan answer, 1)
	answers := make([]answer, len(keys))
	w.meanwhile(c, func(calls *sync.WaitGroup) {
		for i, key := range keys {
			calls.Go(func() { answers[i] = get(w.Context(), c, key) })
		}
		calls.Go(func() { ended <- read() })
	}, func() {
		select {
		case one := <-ended:
			err = one.err
		case <-time.After(long):
			w.Error("the caller waits for the others")
		}
	})
	for i, key := range keys {
		w.mustHold(key, answers[i])
	}
	return err
}

// TestCallerThatLeavesGetsTheErrorOfAReadThatGoesAlone compares the errors of both kinds.
func TestCallerThatLeavesGetsTheErrorOfAReadThatGoesAlone(t *testing.T) {
	w := newWorld(t)
	keys := w.put("k/", readers)
	together, alone := w.open(), w.open(conn.WithoutBatching())
	reason := errors.New("the user's own reason")
	for name, tt := range map[string]struct {
		read func(c *conn.Conn) answer
		want error
	}{
		"a deadline of 5 ms": {func(c *conn.Conn) answer {
			limited, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer cancel()
			return get(limited, c, keys[0])
		}, context.DeadlineExceeded},
		"a deadline of 300 ms": {func(c *conn.Conn) answer {
			limited, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			return get(limited, c, keys[0])
		}, context.DeadlineExceeded},
		"a timeout of 300 ms": {func(c *conn.Conn) answer {
			r, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey(keys[0]).WithTimeout(300*time.Millisecond))
			return answer{r, err}
		}, context.DeadlineExceeded},
		"cancelled after 300 ms": {func(c *conn.Conn) answer {
			ended, cancel := context.WithCancel(t.Context())
			time.AfterFunc(300*time.Millisecond, cancel)
			return get(ended, c, keys[0])
		}, context.Canceled},
		"cancelled for a reason": {func(c *conn.Conn) answer {
			ended, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(300*time.Millisecond, func() { cancel(reason) })
			return get(ended, c, keys[0])
		}, reason},
		"cancelled before": {func(c *conn.Conn) answer {
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			return get(ended, c, keys[0])
		}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.leave(together, keys, func() answer { return tt.read(together) })
			want := w.leave(alone, keys, func() answer { return tt.read(alone) })
			var e, o *etcderr.Error
			if !errors.Is(got, tt.want) || !errors.As(got, &e) || !errors.As(want, &o) {
				t.Fatalf("got %v, want %v", got, want)
			}
			// The server knows a deadline of the context of a read that goes alone, and may be the first to say that it is over. In
			// 5 ms a busy machine may send neither.
			text := func(err error) string { return strings.Replace(textOf(err), "no answer within …: ", "", 1) }
			same := text(got) == text(want) && e.Outcome() == o.Outcome() && e.Endpoint() == o.Endpoint()
			if status.Code(got) != status.Code(want) || e.Method() != pb.KV_Range_FullMethodName || !same && name != "a deadline of 5 ms" {
				t.Errorf("got %v (%v, %v), want %v (%v, %v)", got, status.Code(got), e.Outcome(), want, status.Code(want), o.Outcome())
			}
		})
	}
}

func TestCloseEndsReadsThatTravelTogether(t *testing.T) {
	w := newWorld(t)
	keys := w.put("k/", readers)
	closed := func(opts ...conn.Option) (errs []answer) {
		c := w.open(opts...)
		errs = make([]answer, readers)
		w.meanwhile(c, func(calls *sync.WaitGroup) {
			for i := range errs {
				calls.Go(func() { errs[i] = get(t.Context(), c, keys[i]) })
			}
			before := w.ranges() + w.txns()
			w.await("a request", func() bool { return w.ranges()+w.txns() > before })
		}, func() {
			began := time.Now()
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			t.Logf("Close took %v", time.Since(began))
		})
		return errs
	}
	for _, got := range closed() {
		if !errors.Is(got.err, conn.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", got.err)
		}
	}
}

// badContext panics in one of its methods from a call on.
type badContext struct {
	context.Context
	mu          sync.Mutex
	method      string
	calls, from int
}

func (b *badContext) see(method string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if method != b.method {
		return
	}
	if b.calls++; b.calls >= b.from {
		panic("of a context")
	}
}

func (b *badContext) Deadline() (time.Time, bool) { b.see("Deadline"); return b.Context.Deadline() }
func (b *badContext) Done() <-chan struct{}       { b.see("Done"); return b.Context.Done() }
func (b *badContext) Err() error                  { b.see("Err"); return b.Context.Err() }
func (b *badContext) Value(key any) any           { b.see("Value"); return b.Context.Value(key) }

// TestContextThatPanicsStopsNobodyElse lets callers recover, as servers do.
func TestContextThatPanicsStopsNobodyElse(t *testing.T) {
	w := newWorld(t)
	c, keys := w.open(), w.put("k/", readers)
	for _, method := range []string{"Deadline", "Done", "Err", "Value"} {
		for from := 1; from <= 4; from++ {
			bad := func() answer {
				defer func() { _ = recover() }()
				return get(&badContext{Context: t.Context(), method: method, from: from}, c, keys[0])
			}
			bad() // alone
			answers := w.together(c, readers, func(i int) answer {
				if i%8 == 1 {
					return bad()
				}
				return get(t.Context(), c, keys[i])
			})
			for i, got := range answers {
				if i%8 != 1 {
					w.mustHold(keys[i], got)
				}
			}
		}
	}
	w.await("after the panics, a lone read to go alone", func() bool {
		ranges, _ := w.counted(func() { w.mustHold(keys[0], get(t.Context(), c, keys[0])) })
		return ranges == 1
	})
}
