// SPDX-License-Identifier: Apache-2.0

package hook

import "context"

// Trace is one call under observation. Nothing observes a nil Trace. One goroutine at a time uses it: a hedge while the
// attempt before it waits for an answer.
type Trace struct {
	hooks  *Hooks
	info   CallInfo
	riders []context.Context // of a trip
	result CallResult
	begun  []any
	room   [2]any  // for begun, so that a Trace is one object where there are few hooks
	first  Attempt // for the same reason
}

// Call begins the observation of a call. The context is that of the call.
func (h *Hooks) Call(parent context.Context, i CallInfo) (context.Context, *Trace) {
	h.working.Add(1)
	defer h.working.Add(-1)
	t := &Trace{hooks: h, info: i}
	parent, t.begun = begin(h.Calls, parent, i, t.room[:0])
	return parent, t
}

// Trip begins the observation of a request that carries the calls of others, whose contexts are the riders. It is no call of its own,
// so only its attempts are told. It returns nil if no hook is told of attempts.
func (h *Hooks) Trip(connection, method string, riders []context.Context) *Trace {
	if !h.ObserveAttempts() {
		return nil
	}
	return &Trace{hooks: h, info: CallInfo{Connection: connection, Method: method}, riders: riders}
}

// Rode records that the call has been carried by a request, which was sent so many times. The result is that of the request unless an
// attempt of its own follows.
func (t *Trace) Rode(endpoint string, attempts int, hedged bool) {
	if t == nil {
		return
	}
	t.result.Endpoint, t.result.Batched = endpoint, true
	t.result.Attempts += attempts
	t.result.Hedged = t.result.Hedged || hedged
}

// End ends the observation of the call.
func (t *Trace) End(err error) {
	t.hooks.working.Add(1)
	defer t.hooks.working.Add(-1)
	t.result.Err = err
	end(t.hooks.Calls, t.begun, t.result)
}

// Attempt begins the observation of an attempt. It returns nil if no hook is told of attempts. Parent is the context of the call.
func (t *Trace) Attempt(parent context.Context, endpoint string, hedge bool) *Attempt {
	if t == nil {
		return nil
	}
	t.result.Attempts++
	t.result.Batched = false
	if hedge {
		t.result.Hedged = true
	} else {
		t.result.Endpoint = endpoint
	}
	if len(t.hooks.Attempts) == 0 {
		return nil
	}
	t.hooks.working.Add(1)
	defer t.hooks.working.Add(-1)
	a := &t.first
	if a.hooks != nil {
		a = new(Attempt)
	}
	a.hooks = t.hooks
	_, a.begun = begin(t.hooks.Attempts, parent, AttemptInfo{
		Connection: t.info.Connection, Method: t.info.Method, Endpoint: endpoint, Number: t.result.Attempts, Hedge: hedge,
		Riders: t.riders,
	}, a.room[:0])
	return a
}

// AnsweredBy records that the answer is that of a hedge to this endpoint.
func (t *Trace) AnsweredBy(endpoint string) {
	if t != nil {
		t.result.Endpoint = endpoint
	}
}

// Attempt is one attempt under observation. Nothing observes a nil Attempt.
type Attempt struct {
	hooks *Hooks
	begun []any
	room  [2]any // for begun
	ended bool
}

// End ends the observation of the attempt. A second End does nothing.
func (a *Attempt) End(err error, lost bool) {
	if a != nil && !a.ended {
		a.ended = true
		a.hooks.working.Add(1)
		defer a.hooks.working.Add(-1)
		end(a.hooks.Attempts, a.begun, AttemptResult{Err: err, Lost: lost})
	}
}
