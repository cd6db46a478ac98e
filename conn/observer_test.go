// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// observer is a hook of every kind, and keeps what it is told.
type observer struct {
	mu        sync.Mutex
	calls     []*seenCall // that have ended
	open      int         // calls, attempts and streams that have begun, but not ended
	lost      int         // attempts whose context was not that of a call
	streams   []seenStream
	endpoints []conn.Endpoint
}

// seenCall is one call that an observer was told of.
type seenCall struct {
	info     conn.CallInfo
	attempts []string // that have ended, in the order of their numbers
	result   conn.CallResult
}

// String returns the method, the attempts and the result in short words.
func (s *seenCall) String() string {
	slices.Sort(s.attempts)
	batched := ""
	if s.result.Batched {
		batched = ", batched"
	}
	return fmt.Sprintf("%s: %s = %s by %s after %d, hedged %t%s", s.info.Method[strings.LastIndex(s.info.Method, "/")+1:],
		strings.Join(s.attempts, ", "), etcderr.OutcomeOf(s.result.Err), s.result.Endpoint, s.result.Attempts, s.result.Hedged, batched)
}

type seenStream struct {
	info conn.StreamInfo
	err  error
}

type seenKey struct{ of *observer }

func (o *observer) OnCall(parent context.Context, c conn.CallInfo) (context.Context, func(conn.CallResult)) {
	o.begin()
	s := &seenCall{info: c}
	return context.WithValue(parent, seenKey{o}, s), func(r conn.CallResult) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.open--
		s.result = r
		o.calls = append(o.calls, s)
	}
}

func (o *observer) OnAttempt(parent context.Context, a conn.AttemptInfo) func(conn.AttemptResult) {
	o.begin()
	return func(r conn.AttemptResult) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.open--
		text := fmt.Sprintf("%d at %s %v", a.Number, a.Endpoint, etcderr.OutcomeOf(r.Err))
		if a.Hedge {
			text += " hedge"
		}
		if r.Lost {
			text += " lost"
		}
		if a.Riders == nil {
			o.attempted(parent, a.Method, a.Connection, text)
			return
		}
		if a.Method != pb.KV_Txn_FullMethodName || parent.Value(seenKey{o}) != nil {
			o.lost++
		}
		for _, rider := range a.Riders {
			o.attempted(rider, pb.KV_Range_FullMethodName, a.Connection, text)
		}
	}
}

// attempted notes an attempt of the call that has this context.
func (o *observer) attempted(parent context.Context, method, connection, text string) {
	s, ok := parent.Value(seenKey{o}).(*seenCall)
	if !ok || s.info.Method != method || s.info.Connection != connection {
		o.lost++
		return
	}
	s.attempts = append(s.attempts, text)
}

func (o *observer) OnStream(s conn.StreamInfo) func(error) {
	o.begin()
	return func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.open--
		o.streams = append(o.streams, seenStream{s, err})
	}
}

func (o *observer) OnEndpoint(e conn.Endpoint) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endpoints = append(o.endpoints, e)
}

func (o *observer) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open++
}

// take returns the calls that have ended since the last take.
func (o *observer) take() []*seenCall {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls := o.calls
	o.calls = nil
	return calls
}

// ended returns the streams that have ended so far.
func (o *observer) ended() []seenStream {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.streams)
}

// left returns how many calls, attempts and streams have not ended, and how many attempts came without their call.
func (o *observer) left() (open, lost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open, o.lost
}
