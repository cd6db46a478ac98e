// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// flight carries one attempt after another of a call: their cancellation, their timer and what gRPC reports back.
// Contexts and timers are most of what a client allocates for a call. So a flight that ended undisturbed serves
// another call. A flight does not, if its context was cancelled or its timer may still fire.
type flight struct {
	ctx    context.Context
	cancel context.CancelFunc
	abort  func()      // ends the attempt under way because the caller has ended the call; made once
	timer  *time.Timer // stopped between attempts
	peer   peer.Peer   // its address is set if the request got a stream on the transport
	opts   []grpc.CallOption
	coded  []grpc.CallOption // the same with a codec of the SDK's own; nil before the first call that has one
	leader bool              // the requests ask for a leader
	timed  bool              // the links note how soon they answer
	spoilt bool              // the context is cancelled, or may be: not to be used again
	hedge  func()            // called when an attempt has been silent for its patience; made once

	// over is called when the request of an attempt is over, though its hedge may still save it. lost says that the hedge has the
	// answer already. It may be slow, so the attempt is neither silent nor late any more by then. nil: nobody observes it
	over func(err error, lost bool)

	deadline time.Time     // of the call; zero: none
	rest     time.Duration // until the deadline, when the attempt began

	mu      sync.Mutex
	state   state
	own     wait.OwnTime  // of the silence, until the hedge
	landed  chan struct{} // closed when the hedge has ended; nil before one begins
	ended   chan struct{} // closed when the attempt itself has ended; nil before a hedge begins, and afterwards
	second  *flight       // the hedge's own flight, while it runs
	answer  proto.Message // the hedge's answer, in answered
	refusal error         // the same, where a member has refused the hedge for good
	unwatch func() bool   // undoes leaveWith; nil where there is nothing to undo
	saved   bool          // the answer of the last attempt is the hedge's
}

// requireLeader makes a member without a leader refuse a request at once. Otherwise the member holds it until it
// times out with an unknown outcome.
var requireLeader = metadata.Pairs("hasleader", "true")

var leaderBase = metadata.NewOutgoingContext(context.Background(), requireLeader)

func (f *flight) init(leader bool, hedge func()) {
	f.leader = leader
	f.ctx, f.cancel = context.WithCancel(f.base())
	f.abort = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.cancel()
		if f.second != nil {
			f.second.cancel()
		}
	}
	f.hedge = hedge
	f.timer = time.AfterFunc(time.Hour, f.fire)
	f.timer.Stop()
	f.opts = []grpc.CallOption{grpc.StaticMethod(), grpc.Peer(&f.peer)}
}

func (f *flight) base() context.Context {
	if f.leader {
		return leaderBase
	}
	return context.Background()
}

// is reports whether the flight is in a state.
func (f *flight) is(s state) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state == s
}

// renew prepares a flight that has left its link for another attempt, unless parent, the caller's context, has ended.
func (f *flight) renew(parent context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == left && parent.Err() == nil { // otherwise abort has cancelled, or is about to
		f.state = grounded
		f.ctx, f.cancel = context.WithCancel(f.base())
	}
}

// with returns the options of an attempt of a call with these. All calls that one flight carries have the same codec, if any.
func (f *flight) with(o *Options) []grpc.CallOption {
	bare := f.opts[:len(f.opts):len(f.opts)]
	switch {
	case len(o.Rest) > 0:
		return append(bare, o.Rest...)
	case o.Codec == nil:
		return bare
	case f.coded == nil:
		f.coded = slices.Clip(append(bare, o.Codec)) // an interceptor may append to it, even after the call
	}
	return f.coded
}

// send makes one attempt on a link. After a silence of patience it calls the hedge once, on a new goroutine. A
// patience of 0 means never. send returns when the attempt, the hedge and the timer are over.
func (f *flight) send(
	ctx context.Context, l *member.Link, method string, args, reply any, opts []grpc.CallOption, patience time.Duration,
) error {
	f.peer = peer.Peer{}
	f.mu.Lock()
	f.state, f.landed, f.answer, f.refusal = flying, nil, nil, nil
	armed := f.arm(patience)
	f.mu.Unlock()

	returned := false
	defer func() {
		if !returned {
			f.crash()
		}
	}()
	err := f.invoke(ctx, l, method, args, reply, opts)

	f.mu.Lock()
	f.end()
	told := f.over == nil
	lost := f.savedFrom(err)
	switch {
	case err == nil || f.state != hedged && f.state != left:
	case decisive(err):
		f.state = grounded // the hedge would hear the same
	default:
		// The hedge may still save the call. It ends with the caller's context and the deadline, as this attempt does.
		landed := f.landed
		f.mu.Unlock()
		if !told {
			told = true
			f.over(err, false)
		}
		<-landed
		f.mu.Lock()
	}
	saved := f.savedFrom(err)
	if err == nil || saved || f.state == flying || f.state == hedged {
		f.state = grounded
	}
	if f.second != nil {
		f.second.cancel()
	}
	if f.unwatch != nil {
		f.unwatch()
		f.unwatch = nil
	}
	landed, answer, refusal := f.landed, f.answer, f.refusal
	f.saved = saved
	f.mu.Unlock()
	if armed && !f.timer.Stop() {
		f.spoilt = true // it fired, and may be about to cancel
	}
	if !told {
		f.over(err, lost)
	}
	if landed != nil {
		<-landed
		f.spoilt = true
	}
	returned = true
	if saved && refusal != nil {
		return refusal
	}
	if saved {
		target := reply.(proto.Message)
		proto.Reset(target)
		proto.Merge(target, answer)
		return nil
	}
	return err
}

// invoke makes the attempt, and has the link note how soon it answers if the flight is timed.
func (f *flight) invoke(ctx context.Context, l *member.Link, method string, args, reply any, opts []grpc.CallOption) error {
	if !f.timed {
		return l.Invoke(ctx, method, args, reply, opts...)
	}
	how, began := member.Failed, member.Clock()
	l.Begins(began)
	defer func() { l.Ends(began, how) }()
	err := l.Invoke(ctx, method, args, reply, opts...)
	switch {
	case err == nil:
		how = member.Answered
	case ctx.Err() != nil || decisive(err):
		how = member.Untold
	}
	return err
}

// end says that the attempt itself has ended. The caller holds the lock.
func (f *flight) end() {
	if f.ended != nil {
		close(f.ended)
		f.ended = nil
	}
}

// silentAfter waits, and reports whether the attempt under way still has no answer then.
func (f *flight) silentAfter(d time.Duration) bool {
	f.mu.Lock()
	ended := f.ended
	f.mu.Unlock()
	if ended == nil {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ended:
		return false
	case <-timer.C:
		return true
	}
}

// savedFrom reports whether the hedge decides the call of which the attempt itself has brought err: it was first. A refusal does not take
// an answer back. The caller holds the lock.
func (f *flight) savedFrom(err error) bool {
	return f.state == answered && (err != nil || f.refusal == nil)
}

// crash ends an attempt out of which a panic comes, such as an interceptor's. Nothing of it goes on, and the flight serves no other call.
func (f *flight) crash() {
	f.mu.Lock()
	f.state, f.spoilt = grounded, true
	f.end()
	f.timer.Stop()
	f.cancel()
	if f.second != nil {
		f.second.cancel()
	}
	if f.unwatch != nil {
		f.unwatch()
		f.unwatch = nil
	}
	landed := f.landed
	f.mu.Unlock()
	if landed != nil {
		<-landed
	}
}

// arm sets the timer for the end of the patience or the deadline, whichever is first, and reports whether it did. The
// caller holds the lock.
func (f *flight) arm(patience time.Duration) (armed bool) {
	if patience == 0 && f.deadline.IsZero() {
		f.rest = 0
		return false
	}
	now := time.Now()
	step := time.Duration(math.MaxInt64)
	if patience > 0 {
		step = f.own.Start(patience, now)
	}
	f.rest = f.set(step, now)
	return true
}

// set makes the timer fire after the step, or at the deadline if that is earlier. It returns the time until then.
func (f *flight) set(step time.Duration, now time.Time) (rest time.Duration) {
	if !f.deadline.IsZero() {
		rest = f.deadline.Sub(now)
		step = min(step, max(rest, 1))
	}
	f.timer.Reset(step)
	return rest
}

// silence returns how long the attempt has been without an answer, or 0 if that is unknown.
func (f *flight) silence() time.Duration {
	if f.deadline.IsZero() {
		return 0
	}
	return f.rest - time.Until(f.deadline)
}

// fire runs when the timer fires.
func (f *flight) fire() {
	f.mu.Lock()
	now := time.Now()
	switch {
	case f.state == grounded || f.state == answered:
		f.mu.Unlock()
		return
	case !f.deadline.IsZero() && !now.Before(f.deadline):
		f.state = expired
		f.cancel()
		f.mu.Unlock()
		return
	case f.state != flying:
		f.mu.Unlock()
		return
	}
	if step, over := f.own.Next(now); !over {
		f.set(step, now)
		f.mu.Unlock()
		return
	}
	landed := make(chan struct{})
	f.state, f.landed, f.ended = hedged, landed, make(chan struct{})
	if !f.deadline.IsZero() {
		f.set(math.MaxInt64, now)
	}
	f.mu.Unlock()
	defer close(landed)
	f.hedge()
}

// reusable reports whether nothing of this call can disturb another one.
func (f *flight) reusable() bool { return !f.spoilt && f.ctx.Err() == nil }

// sent reports whether the last attempt's request may have left the process.
func (f *flight) sent() bool { return f.peer.Addr != nil }
