// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/lease"
)

func TestKeeperEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		_, request := fake(t, m)
		plain, cancelPlain := context.WithCancel(t.Context())
		caused, cancelCaused := context.WithCancelCause(t.Context())
		timed, cancelTimed := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancelTimed()
		start := func(parent context.Context, id int64) *lease.Keeper {
			t.Helper()
			k, err := lease.KeepAlive(parent, request, id)
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		keepers := []*lease.Keeper{start(plain, 1), start(caused, 2), start(timed, 3)}
		neighbour := keep(t, request, 1)
		time.Sleep(20 * time.Second)
		for _, k := range keepers {
			if ended(t, k) {
				t.Errorf("lease %d ended with %v", k.ID(), k.Err())
			}
		}
		cancelPlain()
		cancelCaused(errEnough)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i, want := range [][]error{{context.Canceled}, {context.Canceled, errEnough}, {context.DeadlineExceeded}} {
			if !ended(t, keepers[i]) {
				t.Errorf("lease %d has not ended", keepers[i].ID())
			}
			for _, want := range want {
				if err := keepers[i].Err(); !errors.Is(err, want) {
					t.Errorf("lease %d ended with %v, want %v", keepers[i].ID(), err, want)
				}
			}
		}
		if ended(t, neighbour) {
			t.Error("another Keeper of the lease ended too")
		}
	})
}

// registrar is a context that counts the functions that wait for its end.
type registrar struct {
	context.Context
	waiting atomic.Int64
}

// Value hides the context within, which package context would turn to directly.
func (r *registrar) Value(any) any { return nil }

func (r *registrar) AfterFunc(f func()) (stop func() bool) {
	r.waiting.Add(1)
	undo := context.AfterFunc(r.Context, f)
	return func() bool {
		stopped := undo()
		if stopped {
			r.waiting.Add(-1)
		}
		return stopped
	}
}

func TestEndedKeeperNoLongerWaitsForItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		_, request := fake(t, m)
		life, end := context.WithCancel(t.Context())
		defer end()
		parent := &registrar{Context: life}
		for id := int64(1); id <= 10; id++ {
			k, err := lease.KeepAlive(parent, request, id)
			if err != nil {
				t.Fatal(err)
			}
			if id%2 == 0 {
				_ = k.Close()
			}
		}
		if n := parent.waiting.Load(); n != 5 {
			t.Errorf("with 5 open Keepers, %d functions wait for the context", n)
		}
		m.answer(always(0))
		time.Sleep(10 * time.Second)
		if n := parent.waiting.Load(); n != 0 {
			t.Errorf("after the end of all Keepers, %d functions wait for the context", n)
		}
	})
}

func TestKeepAliveWhoseContextEndsLeavesNoKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		c, request := fake(t, m)
		before, cancel := context.WithCancelCause(t.Context())
		cancel(errEnough)
		_, err := lease.KeepAlive(before, request, 1)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, errEnough) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("before: %v", err)
		}
		if _, err := lease.KeepAliveOnce(before, request, 1); !errors.Is(err, errEnough) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("KeepAliveOnce: %v", err)
		}
		if n := len(m.seen(1)); n > 0 {
			t.Errorf("%d renewals", n)
		}
		m.answer(forever)
		during, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(errEnough) })
		began := time.Now()
		_, err = lease.KeepAlive(during, request, 1)
		if !errors.Is(err, errEnough) || etcderr.OutcomeOf(err) != etcderr.Unknown || time.Since(began) != 100*time.Millisecond {
			t.Errorf("during, after %v: %v", time.Since(began), err)
		}
		began = time.Now()
		_, err = lease.KeepAlive(t.Context(), request.WithTimeout(3*time.Second), 1)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("WithTimeout, after %v: %v", time.Since(began), err)
		}
		m.answer(always(10))
		n := len(m.seen(1))
		time.Sleep(time.Minute)
		if len(m.seen(1)) > n || m.open() > 0 || len(kept(c)) > 0 {
			t.Errorf("%d renewals, %d streams, kept: %v", len(m.seen(1))-n, m.open(), kept(c))
		}
		// The timeout is for the beginning only.
		k, err := lease.KeepAlive(t.Context(), request.WithTimeout(time.Second), 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if ended(t, k) {
			t.Error(k.Err())
		}
	})
}

func TestCloseOfTheLastKeeperEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		c, request := fake(t, m)
		for range 3 {
			first, second := keep(t, request, 1), keep(t, request, 2)
			done := first.Done()
			for range 2 {
				if err := first.Close(); err != nil {
					t.Error(err)
				}
			}
			<-done
			if err := first.Err(); err != nil {
				t.Errorf("after Close: %v", err)
			}
			n := len(m.seen(1))
			time.Sleep(time.Minute)
			if len(m.seen(1)) > n {
				t.Error("renewed after Close")
			}
			if err := first.Err(); err != nil {
				t.Errorf("after Close and the TTL: %v", err)
			}
			if ended(t, second) || m.open() != 1 || kept(c)["a:1"] != 1 {
				t.Errorf("Close of one Keeper: the other has %v, %d streams, kept: %v", second.Err(), m.open(), kept(c))
			}
			_ = second.Close()
			synctest.Wait()
			if m.open() != 0 || len(kept(c)) != 0 {
				t.Errorf("Close of the last Keeper: %d streams, kept: %v", m.open(), kept(c))
			}
		}
		if m.opened != 3 {
			t.Errorf("%d streams after 3 rounds, want 3", m.opened)
		}
	})
}

func TestKeepersEndWithTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, prepare := range map[string]func(m *member){
			"at work":       func(*member) {},
			"silent member": func(m *member) { m.Pause() },
			"down":          func(m *member) { m.Stop() },
		} {
			m := newMember(t, "a", 60)
			c, request := fake(t, m)
			k, closed := keep(t, request, 1), keep(t, request, 2)
			_ = closed.Close()
			prepare(m)
			time.Sleep(25 * time.Second)
			began := time.Now()
			if err := c.Close(); err != nil || time.Since(began) > 0 {
				t.Errorf("%s: Close took %v, and returned %v", name, time.Since(began), err)
			}
			if !ended(t, k) {
				t.Errorf("%s: the Keeper has not ended when Close returns", name)
			}
			if err := k.Err(); !errors.Is(err, conn.ErrClosed) {
				t.Errorf("%s: it ended with %v", name, err)
			}
			if err := closed.Err(); err != nil {
				t.Errorf("%s: a closed Keeper has %v", name, err)
			}
			if _, err := lease.KeepAlive(t.Context(), request, 1); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("%s: KeepAlive after Close: %v", name, err)
			}
		}
	})
}

func TestKeepAliveFailsWhenTheConnectionCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 10)
		c, request := fake(t, m)
		m.answer(forever)
		time.AfterFunc(time.Second, func() { _ = c.Close() })
		began := time.Now()
		if _, err := lease.KeepAlive(t.Context(), request, 1); !errors.Is(err, conn.ErrClosed) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestCallsHaveTheDefaultTimeoutOfTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 3)
		_, request := fakeWith(t, []*member{m}, conn.WithDefaultTimeout(2*time.Second))
		m.answer(forever)
		for name, call := range map[string]func() error{
			"KeepAlive":     func() error { _, err := lease.KeepAlive(t.Context(), request, 1); return err },
			"KeepAliveOnce": func() error { _, err := lease.KeepAliveOnce(t.Context(), request, 1); return err },
		} {
			began := time.Now()
			if err := call(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took != 2*time.Second {
				t.Errorf("%s took %v", name, took)
			}
		}
	})
}

func TestKeepAliveGivesUpAfterFiveSecondsByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 3)
		c, request := fake(t, m)
		m.answer(forever)
		long, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for _, parent := range []context.Context{t.Context(), long} {
			began := time.Now()
			_, err := lease.KeepAlive(parent, request, 1)
			if !errors.Is(err, context.DeadlineExceeded) || etcderr.OutcomeOf(err) != etcderr.Unknown {
				t.Errorf("KeepAlive: %v", err)
			}
			if took := time.Since(began); took != 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if err == nil || !strings.Contains(err.Error(), "a:1 has answered no renewal") {
				t.Errorf("the error lacks the reason: %v", err)
			}
		}
		synctest.Wait()
		if m.open() > 0 || len(kept(c)) > 0 {
			t.Errorf("%d streams, kept: %v", m.open(), kept(c))
		}
	})
}
