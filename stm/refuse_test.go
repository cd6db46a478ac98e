// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/stm"
)

// never is the function of a run that must not come to it.
func never(t *testing.T) func(*stm.Tx) error {
	return func(*stm.Tx) error {
		t.Error("the function was run")
		return nil
	}
}

func TestAllMistakesInARunAreReportedInOneError(t *testing.T) {
	tests := []struct {
		name   string
		parent context.Context
		c      ctx.Ctx
		fn     func(*stm.Tx) error
		opts   []stm.Option
		want   []string
	}{
		{"no function", t.Context(), stm.New(registry), nil, nil, []string{"stm: the function to run is nil"}},
		{"no context", nil, stm.New(registry), never(t), nil, []string{"stm: the parent context is nil"}},
		{
			"an unknown level", t.Context(), stm.New(registry), never(t), []stm.Option{stm.WithIsolation(4)},
			[]string{"stm: WithIsolation(4) is no level of isolation"},
		},
		{
			"a negative number of retries", t.Context(), stm.New(registry), never(t), []stm.Option{stm.WithMaxRetries(-1)},
			[]string{"stm: WithMaxRetries(-1) is negative"},
		},
		{
			"a key", t.Context(), stm.New(registry).WithKey("a"), never(t), nil,
			[]string{"ctx: WithKey does not apply to an stm run"},
		},
		{
			"a timeout that lacks its unit", t.Context(), stm.New(registry).WithTimeout(5), never(t), nil,
			[]string{"ctx: WithTimeout(5ns) is below 1ms in an stm run"},
		},
		{
			"everything", nil, ctx.Ctx{}.WithPrefix().WithLease(0), nil,
			[]stm.Option{nil, stm.WithMaxRetries(-2), stm.WithIsolation(200)},
			[]string{
				"ctx: WithPrefix does not apply to an stm run",
				"ctx: WithLease does not apply to an stm run",
				"stm: the parent context is nil",
				"stm: the function to run is nil",
				"stm: WithIsolation(200) is no level of isolation",
				"stm: WithMaxRetries(-2) is negative",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := stm.Run(tt.parent, tt.c, tt.fn, tt.opts...)
			if resp != nil {
				t.Errorf("a response: %v", resp)
			}
			wantInvalid(t, err, tt.want...)
		})
	}
}

func TestRunWithoutAnOpenConnectionDoesNotCallTheFunction(t *testing.T) {
	gone, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the lights went out")
	cancel(why)
	past, cancelPast := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelPast()
	for _, opts := range [][]stm.Option{nil, {stm.WithPrefetch("a")}} {
		_, err := stm.Run(t.Context(), ctx.Ctx{}, never(t), opts...)
		wantFailure(t, err, etcderr.NotSent, conn.ErrNotOpen)
		_, err = stm.Run(t.Context(), stm.New("no-such"), never(t), opts...)
		wantFailure(t, err, etcderr.NotSent, conn.ErrNotOpen)
		_, err = stm.Run(gone, stm.New(registry), never(t), opts...)
		wantFailure(t, err, etcderr.NotSent, context.Canceled, why)
		_, err = stm.Run(past, stm.New(registry), never(t), opts...)
		wantFailure(t, err, etcderr.NotSent, context.DeadlineExceeded)
	}
}

func TestEveryRequestOfARunGoesToItsEndpoint(t *testing.T) {
	s := newSpace(t)
	c := stm.New(registry).WithEndpoint("127.0.0.1:1")
	_, err := stm.Run(t.Context(), c, never(t), stm.WithPrefetch(s.name("a")))
	wantFailure(t, err, etcderr.NotSent, conn.ErrEndpoint)
	_, err = stm.Run(t.Context(), c, func(tx *stm.Tx) error {
		_, err := tx.Get(s.name("a"))
		return err
	})
	wantFailure(t, err, etcderr.NotSent, conn.ErrEndpoint)
	_, err = stm.Run(t.Context(), c, func(tx *stm.Tx) error {
		tx.Put(s.name("a"), "1")
		return nil
	})
	wantFailure(t, err, etcderr.NotSent, conn.ErrEndpoint)

	member := cluster.Member(1).ID()
	for range 4 { // the rotation would have come round
		resp, err := stm.Run(t.Context(), stm.New(registry).WithEndpoint(cluster.Member(1).Endpoint()), func(tx *stm.Tx) error {
			_, err := tx.Get(s.name("a"))
			tx.Put(s.name("a"), "1")
			return err
		})
		if err != nil || resp.GetHeader().GetMemberId() != member {
			t.Errorf("%v from member %x, want %x", err, resp.GetHeader().GetMemberId(), member)
		}
	}
}

func TestRefusalOfTheServerIsItsSentinelAndNothingIsWritten(t *testing.T) {
	s := newSpace(t)
	for name, write := range map[string]func(*stm.Tx){
		"put of an empty key":    func(tx *stm.Tx) { tx.Put("", "1") },
		"delete of an empty key": func(tx *stm.Tx) { tx.Delete("") },
	} {
		for _, level := range levels {
			_, err := stm.Run(t.Context(), stm.New(registry), func(tx *stm.Tx) error {
				s.see(tx).value("a")
				tx.Put(s.name("a"), "1")
				write(tx)
				return nil
			}, stm.WithIsolation(level))
			t.Log(name, level)
			wantFailure(t, err, etcderr.Rejected, etcderr.ErrEmptyKey)
		}
	}
	_, err := stm.Run(t.Context(), stm.New(registry), never(t), stm.WithPrefetch(s.name("a"), ""))
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrEmptyKey)
	s.wantState("")
}
