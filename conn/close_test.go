// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// The tests in this file run on a fake clock, so their times are exact and take no real time.

func TestStreamEndsWithItsEndpointAndItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		open := func() pb.Watch_WatchClient {
			s, err := pb.NewWatchClient(c).Watch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r, err := s.Recv(); err != nil || !r.Created {
				t.Fatalf("got %v, %v", r, err)
			}
			return s
		}
		s := open()
		a.Pause() // the stream's connection stays up; the health check finds out
		start := time.Now()
		_, err := s.Recv()
		var e *etcderr.Error
		if !errors.As(err, &e) || e.Endpoint() != "a:1" || !strings.Contains(err.Error(), "no answer within 1s") {
			t.Errorf("the stream ended with %v", err)
		}
		if took := time.Since(start); took > 17*time.Second { // the check, and once more since it is the last
			t.Errorf("the stream ended after %v", took)
		}
		a.Resume()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		s = open()
		time.AfterFunc(time.Second, func() { _ = c.Close() })
		if _, err := s.Recv(); !errors.Is(err, conn.ErrClosed) {
			t.Errorf("after Close the stream ended with %v", err)
		}
		if _, err := pb.NewWatchClient(c).Watch(t.Context()); !errors.Is(err, conn.ErrClosed) {
			t.Errorf("a stream on a closed connection: %v", err)
		}
	})
}

func TestCloseEndsReadsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		for _, after := range []time.Duration{100 * time.Millisecond, 600 * time.Millisecond, 1200 * time.Millisecond} {
			c := openFake(t, []*member{a, b})
			a.Pause()
			b.Pause()
			var calls sync.WaitGroup
			for range 8 {
				calls.Go(func() {
					if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrClosed) || errors.Is(err, context.Canceled) {
						t.Errorf("a read under way for %v ended with %v", after, err)
					}
				})
			}
			time.Sleep(after)
			start := time.Now()
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			calls.Wait()
			if took := time.Since(start); took != 0 {
				t.Errorf("Close took %v", took)
			}
			a.Resume()
			b.Resume()
		}
	})
}

func TestCloseEndsCallsWaitsAndStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.Pause()
		b.Pause()
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				_, err := put(t.Context(), c)
				if !errors.Is(err, conn.ErrClosed) || etcderr.OutcomeOf(err) != etcderr.Unknown || errors.Is(err, context.Canceled) {
					t.Errorf("a write under way ended with %v", err)
				}
			})
		}
		calls.Go(func() {
			time.Sleep(3 * time.Second)
			if err := c.WaitReady(t.Context()); !errors.Is(err, conn.ErrClosed) {
				t.Errorf("WaitReady ended with %v", err)
			}
		})
		time.Sleep(3500 * time.Millisecond) // both are frozen by now
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		calls.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
		if err := c.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if _, err := get(t.Context(), c); !errors.Is(err, conn.ErrClosed) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("a call after Close: %v", err)
		}
	})
}

func TestCloseIsBoundedByAListenerThatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		forever := make(chan struct{})
		c, err := conn.Open(t.Context(), "", endpoints(a), network(a), conn.WithStateListener(func(conn.Endpoint) { <-forever }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := get(t.Context(), c); err != nil {
			t.Errorf("a listener that hangs holds a call up: %v", err)
		}
		start := time.Now()
		if err := c.Close(); err == nil || !strings.Contains(err.Error(), "listener") {
			t.Errorf("Close: %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close took %v", took)
		}
		close(forever)
	})
}

func TestCloseWaitsForGoroutinesAtMostFiveSeconds(t *testing.T) {
	for _, tt := range []struct{ needs, took time.Duration }{{3 * time.Second, 3 * time.Second}, {time.Minute, 5 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			a := newMember(t, "a")
			c, err := conn.Open(t.Context(), "", endpoints(a), network(a))
			if err != nil {
				t.Fatal(err)
			}
			if err := engineOf(t, c).Go(func(context.Context) { time.Sleep(tt.needs) }); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			err = c.Close()
			if took := time.Since(start); took != tt.took {
				t.Errorf("Close took %v, want %v", took, tt.took)
			}
			if slow := tt.needs > tt.took; slow != (err != nil) || slow && (strings.Contains(err.Error(), "listener") || !strings.Contains(err.Error(), "goroutines")) {
				t.Errorf("Close: %v", err)
			}
			time.Sleep(tt.needs)
		})
	}
}

// TestCloseEndsEverythingBeforeItWaitsForANamespace has goroutines in namespaces that do not return in time.
func TestCloseEndsEverythingBeforeItWaitsForANamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c, err := conn.Open(t.Context(), "whole", endpoints(a), network(a))
		if err != nil {
			t.Fatal(err)
		}
		outer := mustNamespace(t, c, "outer", "p/")
		inner := mustNamespace(t, outer, "inner", "q/")
		for _, n := range []*conn.Conn{outer, inner} {
			if err := engineOf(t, n).Go(func(context.Context) { time.Sleep(time.Minute) }); err != nil {
				t.Fatal(err)
			}
		}
		ended := make(chan time.Time, 1)
		if err := engineOf(t, c).Go(func(life context.Context) {
			<-life.Done()
			ended <- time.Now()
		}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err = c.Close()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Close took %v, want 5s for all", took)
		}
		if err == nil || !strings.Contains(err.Error(), `"outer"`) || !strings.Contains(err.Error(), `"inner"`) || strings.Contains(err.Error(), c.Name()) {
			t.Errorf("Close: %v", err)
		}
		if took := (<-ended).Sub(began); took != 0 {
			t.Errorf("what is under way ended %v after Close began", took)
		}
		time.Sleep(time.Minute)
	})
}

// TestCloseWaitsForANamespaceThatIsBeingClosed closes both at the same time.
func TestCloseWaitsForANamespaceThatIsBeingClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openFake(t, []*member{newMember(t, "a")})
		n := mustNamespace(t, c, "tenant", "p/")
		if err := engineOf(t, n).Go(func(context.Context) { time.Sleep(3 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var closing sync.WaitGroup
		closing.Go(func() { _ = n.Close() })
		time.Sleep(time.Second)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v, want 3s", took)
		}
		closing.Wait()
	})
}

func TestNilArgumentsAreRefusedWithAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openFake(t, []*member{newMember(t, "a")})
		var none context.Context
		for what, err := range map[string]error{"Go": engineOf(t, c).Go(nil), "WriteInfo": conn.WriteInfo(nil), "WaitReady": c.WaitReady(none)} {
			if err == nil || etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// engineOf returns what service packages see of a connection.
func engineOf(t *testing.T, c *conn.Conn) *engine.Conn {
	e, err := engine.Lookup(c.Name())
	if err != nil {
		t.Fatal(err)
	}
	return e
}
