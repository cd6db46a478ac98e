// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
)

const (
	failWithin  = 500 * time.Millisecond // of a call while no endpoint is Active, on a busy machine
	neverBlocks = 500 * time.Millisecond // of Info and WriteInfo, likewise
	writeWithin = 2 * time.Second        // the deadline of writes that nobody may answer
)

func mustGet(t *testing.T, c *conn.Conn) {
	t.Helper()
	if _, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey("k")); err != nil {
		t.Errorf("read: %v", err)
	}
}

func mustPut(t *testing.T, c *conn.Conn) {
	t.Helper()
	if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey("k").WithValue("v")); err != nil {
		t.Errorf("write: %v", err)
	}
}

// mustFailFast fails unless reads and writes are refused at once because there is no endpoint.
func mustFailFast(t *testing.T, c *conn.Conn) {
	t.Helper()
	request := kv.New(c.Name()).WithKey("k")
	for range 10 {
		for what, call := range map[string]func() error{
			"read":  func() error { _, err := kv.Get(t.Context(), request); return err },
			"write": func() error { _, err := kv.Put(t.Context(), request.WithValue("v")); return err },
		} {
			start := time.Now()
			err := call()
			if !errors.Is(err, conn.ErrUnavailable) || etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("%s: got %v (%v), want ErrUnavailable and not sent", what, err, etcderr.OutcomeOf(err))
			}
			if took := time.Since(start); took > failWithin {
				t.Errorf("%s: failed after %v, want at once", what, took)
			}
		}
	}
}

// calls has reads and writes under way.
type calls struct {
	running       sync.WaitGroup
	mu            sync.Mutex
	reads, writes []ended
}

// ended is a call that has ended.
type ended struct {
	err  error
	took time.Duration
}

// startCalls starts reads with the default deadline, and writes with a shorter one.
func startCalls(c *conn.Conn) *calls {
	var all calls
	request := kv.New(c.Name()).WithKey("k")
	add := func(to *[]ended, call func() error) {
		all.running.Go(func() {
			start := time.Now()
			e := ended{err: call()}
			e.took = time.Since(start)
			all.mu.Lock()
			defer all.mu.Unlock()
			*to = append(*to, e)
		})
	}
	for range 8 {
		add(&all.reads, func() error { _, err := kv.Get(context.Background(), request); return err })
		add(&all.writes, func() error {
			_, err := kv.Put(context.Background(), request.WithValue("v").WithTimeout(writeWithin))
			return err
		})
	}
	return &all
}

// mustHaveFailed waits for all calls and fails unless each ended in time and with one of the errors. Reads have a bound
// of their own. A write may have arrived. Then it may wait until its deadline and end as unknown.
func (all *calls) mustHaveFailed(t *testing.T, reads time.Duration, wants ...error) {
	t.Helper()
	all.running.Wait()
	wanted := func(err error) bool {
		return slices.ContainsFunc(wants, func(want error) bool { return errors.Is(err, want) })
	}
	for _, tt := range []struct {
		what  string
		calls []ended
		bound time.Duration
		fits  func(error) bool
	}{
		{"read", all.reads, reads, wanted},
		{"write", all.writes, writeWithin, func(err error) bool {
			return wanted(err) || etcderr.OutcomeOf(err) == etcderr.Unknown
		}},
	} {
		for _, e := range tt.calls {
			if !tt.fits(e.err) {
				t.Errorf("a %s under way ended with %v, want one of %v", tt.what, e.err, wants)
			}
			if e.took > tt.bound+grace {
				t.Errorf("a %s under way ended after %v, want at most %v", tt.what, e.took, tt.bound)
			}
		}
	}
}

// watchInfo calls Info and WriteInfo again and again. The function that it returns stops that, and returns how long the
// slowest call took.
func watchInfo() (stop func() time.Duration) {
	life, cancel := context.WithCancel(context.Background())
	slowest := make(chan time.Duration)
	go func() {
		var most time.Duration
		for life.Err() == nil {
			start := time.Now()
			conn.Info()
			_ = conn.WriteInfo(io.Discard)
			most = max(most, time.Since(start))
			time.Sleep(2 * time.Millisecond)
		}
		slowest <- most
	}()
	return func() time.Duration {
		cancel()
		return <-slowest
	}
}
