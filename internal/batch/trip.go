// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/grpclog"

	"github.com/eetcd-go/eetcd/gen/batchpb"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// trip is one transaction with the reads of its riders. The lock of the queue guards it until it leaves.
type trip struct {
	Progress
	alarm        // has the riders
	bytes    int // of the operations
	ctx      context.Context
	cancel   context.CancelFunc
	riding   atomic.Int64 // riders that still wait, and one more until the trip leaves: until then others may board
	departed time.Time
	cutOff   bool // an interceptor has ended the goroutine of the call

	overtaken int // by how many later trips that were answered; the lock of the queue guards it
}

func newTrip() *trip {
	t := &trip{}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.riding.Store(1)
	return t
}

// add gives a rider its seat.
func (t *trip) add(s *seat) {
	s.trip = t
	t.bytes += len(s.op)
	t.riding.Add(1)
	t.watch(s)
}

// leave takes a rider out. A trip that has left and has no rider is cancelled.
func (t *trip) leave() {
	if t.riding.Add(-1) == 0 {
		t.cancel()
	}
}

// empty reports whether all riders of a trip that has not left are gone.
func (t *trip) empty() bool { return t.riding.Load() == 1 }

// load is what a trip sends. Equal operations are sent once.
type load struct {
	request batchpb.Reads
	at      map[uint64]int // where the operation with this hash is
	of      []int          // for each seat, where its operation is
}

var loads = sync.Pool{New: func() any { return &load{at: map[uint64]int{}} }}

var seed = maphash.MakeSeed()

// fill takes the operations of the riders that still wait, and returns the latest of their deadlines.
func (l *load) fill(riders []*seat) (deadline time.Time) {
	for _, s := range riders {
		if s.state.Load() != waiting {
			l.of = append(l.of, -1)
			continue
		}
		if s.deadline.After(deadline) {
			deadline = s.deadline
		}
		hash := maphash.Bytes(seed, s.op)
		at, sent := l.at[hash]
		if !sent || string(l.request.Success[at]) != string(s.op) {
			at = len(l.request.Success)
			l.at[hash] = at
			l.request.Success = append(l.request.Success, s.op)
		}
		l.of = append(l.of, at)
	}
	return deadline
}

// contexts returns the contexts of the riders whose operations are sent.
func (l *load) contexts(riders []*seat) []context.Context {
	all := make([]context.Context, 0, len(riders))
	for i, s := range riders {
		if l.of[i] >= 0 {
			all = append(all, s.parent)
		}
	}
	return all
}

func (l *load) free() {
	clear(l.request.Success) // the operations belong to the riders
	l.request.Success = l.request.Success[:0]
	clear(l.at)
	l.of = l.of[:0]
	loads.Put(l)
}

// travel makes the call, and tells the riders what came of it. The lessons are in the result.
func (t *trip) travel(kind Kind, c *Config) outcome {
	defer t.cancel()
	t.leave()
	l := loads.Get().(*load)
	defer l.free()
	deadline := l.fill(t.seats)
	ops := len(l.request.Success)
	if ops == 0 {
		t.stop()
		return outcome{}
	}
	var riders []context.Context
	if c.Observed {
		riders = l.contexts(t.seats)
	}
	answer := &batchpb.Answers{Responses: make([][]byte, 0, ops)}
	t.departed = time.Now()
	err := t.send(riders, deadline, kind, c, &l.request, answer)
	t.stop()
	o := outcome{seats: len(t.seats), ops: ops, began: t.departed, err: err}
	switch {
	case err == errPanic:
		o.refused = true
	case err != nil:
		o.refused = refusal(err)
		o.late = !o.refused && t.rode().Attempts > 0 && !deadline.After(time.Now())
	case !answer.Succeeded || answer.Header == nil || len(answer.Responses) != ops:
		o.refused = true // whatever answered does not know transactions
	default:
		o.member = answer.Header.MemberId
		if t.rode().Attempts == 1 {
			o.took = time.Since(t.began)
		}
		for _, r := range answer.Responses {
			o.bytes += len(r)
		}
	}
	for i, s := range t.seats {
		at := l.of[i]
		switch {
		case at < 0 || s.state.Load() != waiting:
			continue
		case o.refused:
			s.alone = true
		case err != nil:
			s.err = err
		default:
			s.answer, s.header = answer.Responses[at], answer.Header
		}
		s.end(answered)
	}
	return o
}

var (
	logger   = grpclog.Component("eetcd")
	errPanic = errors.New("a panic")
)

// send makes the call. The panic of an interceptor would end the process here, where no caller can recover it. It counts as a refusal.
// If the riders' own calls panic as well, their callers see it.
func (t *trip) send(
	riders []context.Context, deadline time.Time, kind Kind, c *Config, request *batchpb.Reads, answer *batchpb.Answers,
) (err error) {
	t.cutOff = true
	defer func() {
		if said := recover(); said != nil {
			logger.Errorf("a batch of reads panicked, so each of them goes alone: %s\n%s", tell.Line(fmt.Sprint(said)), debug.Stack())
			t.cutOff, err = false, errPanic
		}
	}()
	err = c.Send(t.ctx, riders, deadline, kind, request, answer, &t.Progress)
	t.cutOff = false
	return err
}

// refuse lets each rider go alone, because an interceptor has ended the goroutine of the call. If it ends the riders' own goroutines as
// well, their callers see it.
func (t *trip) refuse() outcome {
	logger.Error("an interceptor ended the goroutine of a batch of reads, so each of them goes alone")
	t.stop()
	for _, s := range t.seats {
		s.alone = true
		s.end(answered)
	}
	return outcome{refused: true, began: t.departed}
}

// fail tells the riders that the trip cannot leave.
func (t *trip) fail(err error) {
	t.cancel()
	t.stop()
	for _, s := range t.seats {
		s.err = err
		s.end(answered)
	}
}
