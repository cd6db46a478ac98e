// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

func TestWithEndpointSendsToThatMember(t *testing.T) {
	s := newSpace(t)
	s.put("a", "1")
	for range 3 {
		for _, m := range cluster.Members() {
			resp, err := kv.Get(t.Context(), s.key("a").WithEndpoint(m.Endpoint()))
			if err != nil || resp.GetHeader().GetMemberId() != m.ID() {
				t.Errorf("get at %s of member %x: %v, %v", m.Endpoint(), m.ID(), resp, err)
			}
			written, err := kv.Put(t.Context(), s.key("a").WithValue("2").WithEndpoint(m.Endpoint()))
			if err != nil || written.GetHeader().GetMemberId() != m.ID() {
				t.Errorf("put at %s of member %x: %v, %v", m.Endpoint(), m.ID(), written, err)
			}
		}
	}
}

func TestRequestsWithoutAnEndpointGoToTheMembersInTurn(t *testing.T) {
	s := newSpace(t)
	answered := map[uint64]int{}
	for range 2 * cluster.Size() {
		resp, err := kv.Get(t.Context(), s.key("a"))
		if err != nil {
			t.Fatal(err)
		}
		answered[resp.GetHeader().GetMemberId()]++
	}
	for _, m := range cluster.Members() {
		if answered[m.ID()] != 2 {
			t.Errorf("member %x answered %d of %d gets", m.ID(), answered[m.ID()], 2*cluster.Size())
		}
	}
}

func TestCallWithoutAContextIsNotSent(t *testing.T) {
	s := newSpace(t)
	before := s.put("a", "1")
	var none context.Context
	for name, call := range calls {
		err := call(none, kv.New(registry))
		wantFailure(t, err, etcderr.NotSent)
		if err != nil && !strings.Contains(err.Error(), "nil") {
			t.Errorf("%s: %q does not say what is nil", name, err)
		}
	}
	checkUntouched(t, s, before)
}

func TestCallWhoseContextHasEndedIsNotSent(t *testing.T) {
	s := newSpace(t)
	before := s.put("a", "1")
	why := errors.New("the caller lost interest")
	tests := []struct {
		name    string
		context func() (context.Context, context.CancelFunc)
		reasons []error
	}{
		{"cancelled", func() (context.Context, context.CancelFunc) {
			parent, cancel := context.WithCancel(t.Context())
			cancel()
			return parent, cancel
		}, []error{context.Canceled}},
		{"cancelled for a reason", func() (context.Context, context.CancelFunc) {
			parent, cancel := context.WithCancelCause(t.Context())
			cancel(why)
			return parent, func() {}
		}, []error{context.Canceled, why}},
		{"its deadline passed", func() (context.Context, context.CancelFunc) {
			return context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		}, []error{context.DeadlineExceeded}},
	}
	for _, tt := range tests {
		for name, call := range calls {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				parent, cancel := tt.context()
				defer cancel()
				err := call(parent, kv.New(registry))
				wantFailure(t, err, etcderr.NotSent, tt.reasons...)
				var e *etcderr.Error
				if !errors.As(err, &e) {
					t.Errorf("%T is no *etcderr.Error", err)
				}
			})
		}
	}
	checkUntouched(t, s, before)
}

// TestCallEndsAtItsDeadline asks a stopped member, which never answers, on a connection that is too patient to notice.
// All calls wait at the same time.
func TestCallEndsAtItsDeadline(t *testing.T) {
	own := etcdtest.Start(t)
	c, err := conn.Open(t.Context(), "", own.Endpoints(), conn.WithHedgeDelay(time.Hour), conn.WithConnectTimeout(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	own.Member(0).Pause()
	defer func() {
		own.Member(0).Resume()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()

	key := kv.New(c.Name()).WithKey("a")
	for get(t.Context(), key.WithTimeout(50*time.Millisecond)) == nil { // the signal takes a moment to reach every thread
	}
	const soon, late = 300 * time.Millisecond, 30 * time.Second
	why := errors.New("the caller lost interest")
	cancelledSoon := func() (context.Context, context.CancelFunc) {
		parent, cancel := context.WithCancel(t.Context())
		time.AfterFunc(soon, cancel)
		return parent, cancel
	}
	tests := []struct {
		name    string
		call    func(context.Context, ctx.Ctx) error
		c       ctx.Ctx
		context func() (context.Context, context.CancelFunc)
		after   time.Duration
		reasons []error
	}{
		{"put cancelled", put, key, cancelledSoon, soon, []error{context.Canceled}},
		{"get cancelled", get, key, cancelledSoon, soon, []error{context.Canceled}},
		{"delete cancelled for a reason", del, key, func() (context.Context, context.CancelFunc) {
			parent, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(soon, func() { cancel(why) })
			return parent, func() { cancel(nil) }
		}, soon, []error{context.Canceled, why}},
		{"put at the deadline of its context", put, key, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), soon)
		}, soon, []error{context.DeadlineExceeded}},
		{"put at its timeout", put, key.WithTimeout(soon), nil, soon, []error{context.DeadlineExceeded}},
		{"get at its timeout", get, key.WithTimeout(soon), nil, soon, []error{context.DeadlineExceeded}},
		{"txn at its timeout", txn, kv.New(c.Name()).WithTimeout(soon), nil, soon, []error{context.DeadlineExceeded}},
		{"get at its timeout on the endpoint named", get, key.WithTimeout(soon).WithEndpoint(own.Member(0).Endpoint()), nil, soon,
			[]error{context.DeadlineExceeded}},
		{"put at the earlier deadline, of its context", put, key.WithTimeout(late), func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), soon)
		}, soon, []error{context.DeadlineExceeded}},
		{"put at the earlier deadline, of its timeout", put, key.WithTimeout(soon), func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), late)
		}, soon, []error{context.DeadlineExceeded}},
		{"put where nobody set a time", put, key, nil, 5 * time.Second, []error{context.DeadlineExceeded}},
	}
	// Subtests in parallel would wait one after the other on one CPU, and the connection would become quiet meanwhile.
	type end struct {
		err  error
		took time.Duration
	}
	ends := make([]chan end, len(tests))
	for i, tt := range tests {
		ends[i] = make(chan end, 1)
		go func() {
			begin := time.Now() // before a deadline is counted
			parent, cancel := t.Context(), context.CancelFunc(func() {})
			if tt.context != nil {
				parent, cancel = tt.context()
			}
			defer cancel()
			err := tt.call(parent, tt.c)
			ends[i] <- end{err, time.Since(begin)}
		}()
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := <-ends[i]
			wantFailure(t, got.err, etcderr.Unknown, tt.reasons...)
			if got.took < tt.after || got.took > tt.after+4*time.Second { // less than what tells soon from 5 s
				t.Errorf("ended after %v, want %v", got.took, tt.after)
			}
		})
	}
}
