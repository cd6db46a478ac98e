// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"strings"
)

// Hook observes a connection, for traces, metrics and audits: see [WithHooks]. It implements any of [CallHook], [AttemptHook],
// [StreamHook] and [EndpointHook].
//
// Its methods are called concurrently, with no lock held. They should return fast, since calls wait for them. They may use the
// connection, but must not close it. Calls that they make on it are observed too. A panic of a hook is logged to grpclog, which is
// gRPC's log, and changes nothing else. If Close waits for a goroutine on which a hook does not return, its error says so.
type Hook any

// CallHook observes calls. A call is one unary request of this SDK or of a generated stub, with all its attempts. Its retries and
// hedges are not calls of their own. Requests that the SDK makes by itself are calls too, such as those of a lock or of [Conn.Sync].
// The checks of endpoints and authentications are not.
type CallHook interface {
	// OnCall is called on the caller's goroutine before the call. The call uses the context that it returns, with its values,
	// deadline and outgoing metadata; nil stands for parent. The function that it returns is called once, when the call has ended,
	// on the same goroutine. It may be nil.
	OnCall(parent context.Context, c CallInfo) (context.Context, func(CallResult))
}

// AttemptHook observes each attempt of a call: the first one, a hedge that is sent to a second endpoint while the first one is
// silent, and each further attempt after a failure. An attempt of a batch, which carries the reads of several calls, is told once, with
// the contexts of these calls in [AttemptInfo].
type AttemptHook interface {
	// OnAttempt is called before the attempt with the context of the call, which is that of [CallHook] if there is one. A batch has a
	// context of its own, without values. The function that it returns is called once, when the attempt has ended. It may be nil. For
	// a hedge and for a batch both are called on a goroutine of the connection, and otherwise on the caller's. All of that is over when
	// the call ends, unless its deadline or context ends while a batch carries it.
	OnAttempt(parent context.Context, a AttemptInfo) func(AttemptResult)
}

// StreamHook observes each opening of a stream: of watches and leases, which are shared by many callers and opened again when they
// break, and those of others, such as maintenance.Snapshot and generated stubs.
type StreamHook interface {
	// OnStream is called when an endpoint is chosen, before the stream is opened there. The function that it returns is called once,
	// on a goroutine of the connection, when the stream has ended or could not be opened. It may be nil. Its argument is the reason.
	// It is nil if the stream's user or the server ended the stream without an error. Close of the connection waits for the function.
	OnStream(s StreamInfo) func(error)
}

// EndpointHook observes the endpoints of the connection.
type EndpointHook interface {
	// OnEndpoint is called as the function of [WithStateListener], after it: with the first state of each endpoint and with every
	// change, in order, one at a time.
	OnEndpoint(e Endpoint)
}

// CallInfo describes a call that begins.
type CallInfo struct {
	Connection string // its name; in a namespace, that of the namespace
	Method     string // the gRPC path, such as /etcdserverpb.KV/Range
	Endpoint   string // that the call is for; "" if any will do
	request    any
}

// Request returns the request message, such as an *etcdserverpb.PutRequest. It holds keys and values, so what is made of it may be a
// secret. In a namespace its keys are without the prefix. It must not be changed, nor be used after the call has ended. For RPCs
// about users and roles it is nil, because they may hold a password.
func (c CallInfo) Request() any {
	if strings.HasPrefix(c.Method, "/etcdserverpb.Auth/") {
		return nil
	}
	return c.request
}

// CallResult describes a call that has ended.
type CallResult struct {
	Err      error  // nil for success; etcderr.OutcomeOf says what became of the request
	Endpoint string // that answered, or else that of the last attempt; "" if there was none
	Attempts int    // with hedges, and those of a batch; 0 if no endpoint was found, or if the request was refused before
	Hedged   bool   // a second endpoint was asked while the first one was silent
	Batched  bool   // the result is that of a batch of reads: see [WithoutBatching]
}

// AttemptInfo describes an attempt that begins.
type AttemptInfo struct {
	Connection string // its name; in a namespace, that of the namespace
	Method     string // the gRPC path; of a batch KV/Txn
	Endpoint   string // that the attempt goes to
	Number     int    // among the attempts of the call or the batch, from 1. Attempts after the first are resends, or hedges
	Hedge      bool   // an attempt before it is still under way

	// Riders are the contexts of the calls whose reads travel in this attempt, if it is that of a batch: see [WithoutBatching].
	// Each is that of its [CallHook]. A call may have ended before the attempt does, since each has its own deadline. The slice must
	// not be changed. It is nil for an attempt of a single call.
	Riders []context.Context
}

// AttemptResult describes an attempt that has ended.
type AttemptResult struct {
	Err  error // nil for an answer; etcderr.OutcomeOf says what became of this attempt
	Lost bool  // another attempt answered first. So this one was cancelled, or its answer is not used
}

// StreamInfo describes a stream that is opened.
type StreamInfo struct {
	Connection string // its name; in a namespace, that of the namespace
	Method     string // the gRPC path, such as /etcdserverpb.Watch/Watch
	Endpoint   string // that it is opened on
}
