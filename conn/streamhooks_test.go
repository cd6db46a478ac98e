// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
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

// The tests in this file run on a fake clock, so their times are exact and take no real time.

func TestHooksSeeWhyEachStreamEnded(t *testing.T) {
	none := func(err error) bool { return err == nil }
	like := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	failed := func(err error) bool {
		var e *etcderr.Error
		return errors.As(err, &e) && e.Endpoint() == "a:1" && e.Method() == pb.Watch_Watch_FullMethodName
	}
	watch := func(parent context.Context, c *conn.Conn) error {
		s, err := pb.NewWatchClient(c).Watch(parent)
		for err == nil {
			_, err = s.Recv()
		}
		return err
	}
	for name, tt := range map[string]struct {
		run  func(parent context.Context, a *member, c *conn.Conn)
		want func(error) bool
	}{
		"its user cancelled": {func(parent context.Context, _ *member, c *conn.Conn) {
			parent, cancel := context.WithCancelCause(parent)
			time.AfterFunc(time.Second, func() { cancel(errors.New("no longer wanted")) })
			_ = watch(parent, c)
		}, none},
		"its user cancelled, and reads no more": {func(parent context.Context, _ *member, c *conn.Conn) {
			parent, cancel := context.WithCancel(parent)
			if _, err := pb.NewWatchClient(c).Watch(parent); err != nil {
				t.Error(err)
			}
			cancel()
		}, none},
		"its user's time is up": {func(parent context.Context, _ *member, c *conn.Conn) {
			parent, cancel := context.WithTimeout(parent, time.Second)
			defer cancel()
			_ = watch(parent, c)
		}, like(context.DeadlineExceeded)},
		"the server completed it": {func(parent context.Context, _ *member, c *conn.Conn) {
			s, err := pb.NewMaintenanceClient(c).Snapshot(parent, &pb.SnapshotRequest{})
			for err == nil {
				_, err = s.Recv()
			}
		}, none},
		"the member is gone": {func(parent context.Context, a *member, c *conn.Conn) {
			time.AfterFunc(time.Second, a.Stop)
			_ = watch(parent, c)
		}, failed},
		"the member is silent": {func(parent context.Context, a *member, c *conn.Conn) {
			a.Pause()
			_ = watch(parent, c)
			a.Resume()
		}, failed},
		"the connection closed": {func(parent context.Context, _ *member, c *conn.Conn) {
			time.AfterFunc(time.Second, func() { _ = c.Close() })
			_ = watch(parent, c)
		}, like(conn.ErrClosed)},
		"it could not be opened": {func(parent context.Context, _ *member, c *conn.Conn) {
			refuse := grpc.MaxCallSendMsgSize(1)
			if _, err := pb.NewMaintenanceClient(c).Snapshot(parent, &pb.SnapshotRequest{}, grpc.CallContentSubtype("none"), refuse); err == nil {
				t.Error("a stream without a codec was opened")
			}
		}, func(err error) bool { return status.Code(err) == codes.Internal }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				o := &observer{}
				c := openFake(t, []*member{a}, conn.WithHooks(o))
				tt.run(t.Context(), a, c)
				synctest.Wait()
				streams := o.ended()
				if len(streams) != 1 || streams[0].info.Endpoint != "a:1" || streams[0].info.Connection != c.Name() {
					t.Fatalf("the streams are %+v", streams)
				}
				if !tt.want(streams[0].err) {
					t.Errorf("the stream ended with %v", streams[0].err)
				}
			})
		})
	}
}

// panicking is a hook that panics wherever it can.
type panicking struct{ ends bool }

func (p panicking) OnCall(context.Context, conn.CallInfo) (context.Context, func(conn.CallResult)) {
	p.early()
	return nil, func(conn.CallResult) { panic("hook") }
}

func (p panicking) OnAttempt(context.Context, conn.AttemptInfo) func(conn.AttemptResult) {
	p.early()
	return func(conn.AttemptResult) { panic("hook") }
}

func (p panicking) OnStream(conn.StreamInfo) func(error) {
	p.early()
	return func(error) { panic("hook") }
}

func (panicking) OnEndpoint(conn.Endpoint) { panic("hook") }

func (p panicking) early() {
	if !p.ends {
		panic("hook")
	}
}

func TestPanicOfAHookChangesNothing(t *testing.T) {
	for _, p := range []panicking{{ends: false}, {ends: true}} {
		synctest.Test(t, func(t *testing.T) {
			a, b := newMember(t, "a"), newMember(t, "b")
			before, after := &observer{}, &observer{}
			c := openFake(t, []*member{a, b}, conn.WithHooks(before, p, after))
			parent, cancel := context.WithCancel(t.Context())
			if _, err := pb.NewWatchClient(c).Watch(parent); err != nil {
				t.Error(err)
			}
			a.Pause()
			for range 2 { // one of which is hedged
				if err := read(t.Context(), c); err != nil {
					t.Error(err)
				}
			}
			a.Resume()
			cancel()
			synctest.Wait()
			for _, o := range []*observer{before, after} {
				open, lost := o.left()
				if calls := o.take(); len(calls) != 2 || calls[0].result.Attempts+calls[1].result.Attempts != 3 {
					t.Errorf("the calls are %v", calls)
				}
				if len(o.ended()) != 1 || len(o.endpoints) < 2 || open != 0 || lost != 0 {
					t.Errorf("streams %v, endpoints %v, %d have not ended, %d attempts without a call", o.ended(), o.endpoints, open, lost)
				}
			}
		})
	}
}

type streamFunc func(conn.StreamInfo) func(error)

func (f streamFunc) OnStream(s conn.StreamInfo) func(error) { return f(s) }

func TestCloseWaitsForStreamHooksAndNamesOneThatHangs(t *testing.T) {
	for _, takes := range []time.Duration{500 * time.Millisecond, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			a := newMember(t, "a")
			told := false
			c, err := conn.Open(t.Context(), "", endpoints(a), network(a), conn.WithHooks(streamFunc(func(conn.StreamInfo) func(error) {
				return func(error) {
					time.Sleep(takes)
					told = true
				}
			})))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pb.NewWatchClient(c).Watch(t.Context()); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			err = c.Close()
			took := time.Since(start)
			switch {
			case takes < time.Second && (err != nil || took != takes || !told):
				t.Errorf("Close took %v, and returned %v", took, err)
			case takes > time.Second && (err == nil || !strings.Contains(err.Error(), "a stream hook has not returned within 1s") || took != time.Second):
				t.Errorf("Close took %v, and returned %v", took, err)
			}
			time.Sleep(takes)
		})
	}
}
