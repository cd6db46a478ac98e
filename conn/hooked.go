// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"fmt"
	"runtime/debug"

	"google.golang.org/grpc/grpclog"

	"github.com/eetcd-go/eetcd/internal/hook"
	"github.com/eetcd-go/eetcd/internal/tell"
)

var logger = grpclog.Component("eetcd")

// caught ends a panic of a hook: what only observes must not end the program.
func caught(doing string) {
	if said := recover(); said != nil {
		logger.Errorf("a conn hook panicked in %s: %s\n%s", doing, tell.Line(fmt.Sprint(said)), debug.Stack())
	}
}

// The types below are the users' hooks in the form that the engine takes. What a user's hook returns is kept as an any, since a
// function in an interface is no further object.

type callHook struct{ CallHook }

func (h callHook) Begin(parent context.Context, i hook.CallInfo) (of context.Context, end any) {
	of = parent // unless the hook returns another one
	defer caught("OnCall")
	own, f := h.OnCall(parent, CallInfo{i.Connection, i.Method, i.Endpoint, i.Request})
	if own != nil {
		of = own
	}
	return of, f
}

func (h callHook) End(end any, r hook.CallResult) {
	defer caught("the function from OnCall")
	if f, _ := end.(func(CallResult)); f != nil {
		f(CallResult(r))
	}
}

type attemptHook struct{ AttemptHook }

func (h attemptHook) Begin(parent context.Context, i hook.AttemptInfo) (of context.Context, end any) {
	of = parent // also if the hook panics
	defer caught("OnAttempt")
	return of, h.OnAttempt(parent, AttemptInfo(i))
}

func (h attemptHook) End(end any, r hook.AttemptResult) {
	defer caught("the function from OnAttempt")
	if f, _ := end.(func(AttemptResult)); f != nil {
		f(AttemptResult(r))
	}
}

type streamHook struct{ StreamHook }

func (h streamHook) Begin(parent context.Context, i hook.StreamInfo) (of context.Context, end any) {
	of = parent // also if the hook panics
	defer caught("OnStream")
	return of, h.OnStream(StreamInfo(i))
}

func (h streamHook) End(end any, err error) {
	defer caught("the function from OnStream")
	if f, _ := end.(func(error)); f != nil {
		f(err)
	}
}

// listenWith returns the function that is told of states: the state listener, which may be nil, and then each hook.
func listenWith(listener func(Endpoint), hooks []Hook) func(Endpoint) {
	var all []EndpointHook
	for _, h := range hooks {
		if e, ok := h.(EndpointHook); ok {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return listener
	}
	return func(e Endpoint) {
		if listener != nil {
			listener(e)
		}
		for _, h := range all {
			onEndpoint(h, e)
		}
	}
}

func onEndpoint(h EndpointHook, e Endpoint) {
	defer caught("OnEndpoint")
	h.OnEndpoint(e)
}

// known reports whether a value is a hook.
func known(h Hook) bool {
	switch h.(type) {
	case CallHook, AttemptHook, StreamHook, EndpointHook:
		return true
	default:
		return false
	}
}

// hooksFor returns hooks in the form that the engine takes.
func hooksFor(hooks []Hook) *hook.Hooks {
	all := &hook.Hooks{}
	for _, h := range hooks {
		if c, ok := h.(CallHook); ok {
			all.Calls = append(all.Calls, callHook{c})
		}
		if a, ok := h.(AttemptHook); ok {
			all.Attempts = append(all.Attempts, attemptHook{a})
		}
		if s, ok := h.(StreamHook); ok {
			all.Streams = append(all.Streams, streamHook{s})
		}
	}
	return all
}
