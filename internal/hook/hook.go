// SPDX-License-Identifier: Apache-2.0

// Package hook tells the hooks of a connection what it does. Package conn documents hooks, and adapts those of users to the
// interfaces here. So the packages below it tell of calls, attempts and streams without knowing its types.
package hook

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrCutOff is the error of a call or an attempt that has not returned: an interceptor of the user has panicked, for example.
var ErrCutOff = errors.New("conn: cut off by a panic, or by the end of the goroutine")

// CallInfo describes a call that begins.
type CallInfo struct {
	Connection string
	Method     string
	Endpoint   string // that the call is pinned to; "" where it is to none
	Request    any
}

// CallResult describes a call that has ended.
type CallResult struct {
	Err      error
	Endpoint string // of the answer, or of the last attempt
	Attempts int
	Hedged   bool
	Batched  bool // the call shared a request with other calls
}

// AttemptInfo describes an attempt that begins.
type AttemptInfo struct {
	Connection string
	Method     string
	Endpoint   string
	Number     int // among the attempts of the call, from 1
	Hedge      bool
	Riders     []context.Context // of the calls that the request carries; nil where it is a call itself
}

// AttemptResult describes an attempt that has ended.
type AttemptResult struct {
	Err  error
	Lost bool // another attempt answered first
}

// StreamInfo describes a stream that is opened.
type StreamInfo struct {
	Connection string
	Method     string
	Endpoint   string
}

// Hook is told of the beginning and of the end of something. What Begin returns beside the context is handed to End.
// Neither panics.
type Hook[Info, Result any] interface {
	Begin(parent context.Context, i Info) (context.Context, any)
	End(begun any, r Result)
}

// Hooks are the hooks of a connection, each kind in the order of their beginnings. Their ends are in reverse order.
type Hooks struct {
	Calls    []Hook[CallInfo, CallResult]
	Attempts []Hook[AttemptInfo, AttemptResult]
	Streams  []Hook[StreamInfo, error]

	working atomic.Int64 // hooks of calls and attempts that are at work
}

// Working reports whether a hook of a call or an attempt is at work.
func (h *Hooks) Working() bool { return h.working.Load() > 0 }

// ObserveCalls reports whether anybody is told of calls or of their attempts.
func (h *Hooks) ObserveCalls() bool { return len(h.Calls)+len(h.Attempts) > 0 }

// ObserveAttempts reports whether anybody is told of attempts.
func (h *Hooks) ObserveAttempts() bool { return h != nil && len(h.Attempts) > 0 }

// begin appends to begun what each hook returns, and returns the context of the last one.
func begin[I, R any](hooks []Hook[I, R], parent context.Context, i I, begun []any) (context.Context, []any) {
	for _, h := range hooks {
		var b any
		parent, b = h.Begin(parent, i)
		begun = append(begun, b)
	}
	return parent, begun
}

func end[I, R any](hooks []Hook[I, R], begun []any, r R) {
	for i := len(begun) - 1; i >= 0; i-- {
		hooks[i].End(begun[i], r)
	}
}
