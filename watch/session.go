// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

const (
	// silenceTicks is for how many ticks a server may say nothing before it is asked for its health. While a watch on the
	// stream catches up, it has good reasons to say nothing.
	silenceTicks = 2
	// oversizedMax is how many streams in a row may break because a response was too large.
	oversizedMax = 3
)

// errUnanswered breaks a stream on which other creations would wait forever.
var errUnanswered = fmt.Errorf("watch: the server has not answered a creation within %v", answerTicks*progressInterval)

// session is the use of a stream: it sends what the exchange asks for, and hands on what comes.
type session struct{ *shared }

// run keeps the stream open until no watch needs it, and returns why it cannot be opened again.
func (s session) run(life context.Context) error {
	defer context.AfterFunc(life, func() { s.end(context.Cause(life)) })()
	stream := resume.Stream{
		Route: s.place.route(s.conn), Desc: &pb.Watch_ServiceDesc.Streams[0], Method: pb.Watch_Watch_FullMethodName,
		Options: []grpc.CallOption{grpc.ForceCodecV2(newDecoder())}, Served: s.served,
	}
	return stream.Run(s.life, s.serve, s.broken)
}

// broken takes the reason why the stream broke, or could not be opened. The watches wait for the next stream. During an
// outage the watches end that no server has created yet, because their callers wait for an answer.
func (s session) broken(err error) {
	outage := resume.Outage(err)
	s.mu.Lock()
	s.opened("", err)
	var uncreated []*feed
	if outage {
		s.down = true
		for w := range s.watches {
			if !w.exists() {
				uncreated = append(uncreated, w)
			}
		}
	}
	s.mu.Unlock()
	for _, w := range uncreated {
		s.owner.leave(w, err)
	}
}

// serve uses one stream until it breaks.
func (s session) serve(ctx context.Context, stream engine.Stream) (err error) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !errors.Is(err, resume.ErrAgain) {
			s.opened("", err)
		}
	}()
	await(ctx, s.shared)
	same, epoch, err := compare(ctx, s.shared)
	if err != nil {
		return err
	}
	s.start(stream.Endpoint(), stream.Version(), same, epoch)
	serving, stop := context.WithCancelCause(ctx)
	sender := wait.NewErrand(func() { s.send(stream) })
	s.sendBy(sender)
	defer sender.Stop()
	defer wait.Repeat(doubtInterval, func() time.Duration {
		doubtHistory(serving, s.shared)
		return doubtInterval
	})()
	defer wait.Repeat(quietInterval, prover(s).looks(serving))()
	defer wait.Repeat(progressInterval, s.tend(serving, stream, stop))()
	defer stream.Abort() // so that the sender does not wait for a server that takes nothing
	defer stop(nil)
	for {
		await(ctx, s.shared)
		r := new(pb.WatchResponse)
		if err := stream.RecvMsg(r); err != nil {
			if serving.Err() != nil && ctx.Err() == nil {
				err = context.Cause(serving)
			}
			return s.tooLarge(err)
		}
		s.heard.Store(true)
		if err := receiver(s).receive(r); err != nil {
			return err
		}
	}
}

// tooLarge takes the error of a stream. Where a response was larger than gRPC takes, 2 GiB, the next stream asks for
// fragments. The watches end where the server does not split its responses.
func (s session) tooLarge(err error) error {
	if status.Code(err) != codes.ResourceExhausted {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watches {
		w.at.large = true
	}
	if s.oversized++; s.oversized > oversizedMax {
		s.end(err)
	}
	return err
}

// sendBy gives the exchange what sends its requests.
func (s session) sendBy(sender *wait.Errand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.use(sender)
}

// send sends the requests that the exchange has.
func (s session) send(stream engine.Stream) {
	for r := s.nextRequest(); r != nil; r = s.nextRequest() {
		if stream.SendMsg(r) != nil {
			return // serve gets the reason from RecvMsg
		}
	}
}

func (s session) nextRequest() *pb.WatchRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next(s.same, s.compacted)
}

// tend returns a function that does what is due with each tick: it asks for progress, and has the endpoint checked when the server
// says nothing. It breaks a stream that is of no further use.
func (s session) tend(ctx context.Context, stream engine.Stream, stop context.CancelCauseFunc) func() (next time.Duration) {
	silent := 0
	return func() time.Duration {
		silent++
		if ctx.Err() != nil {
			return progressInterval
		}
		s.mu.Lock()
		overdue := s.tick()
		s.report = s.report || s.kind == member && !s.holds.Load()
		owes, waits := s.owes(), s.waits()
		if !overdue {
			s.signal()
		}
		s.mu.Unlock()
		if overdue {
			stop(errUnanswered)
			stream.Abort()
			return progressInterval
		}
		if s.place.paced {
			settle(s.shared)
		}
		if s.heard.Swap(false) || !owes || s.holds.Load() {
			silent = 0
			s.silence(nil)
		} else if silent%silenceTicks == 0 {
			if !waits {
				s.silence(errSilent)
			}
			stream.Doubt() // a check fails if the member does not answer at all
		}
		return progressInterval
	}
}

// silence notes that the server owes an answer, or with nil that it does not.
func (s session) silence(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteSilence(why)
	s.noticeAll()
}
