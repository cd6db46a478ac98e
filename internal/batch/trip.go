// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc/grpclog"

	"github.com/eetcd-go/eetcd/gen/batchpb"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// trip is one transaction with the reads of its riders. The lock of the queue guards it until it leaves.
type trip struct {
	journey
	seats    []*seat // not to be used once the trip is over: they may serve others
	bytes    int     // of the operations
	departed time.Time
	cutOff   bool // an interceptor has ended the goroutine of the call

	overtaken int // by how many later trips that were answered; the lock of the queue guards it
}

func newTrip() *trip {
	t := &trip{}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.riding.Store(1)
	t.bell, t.vacant = make(chan struct{}), make(chan struct{})
	return t
}

// add gives a rider its seat.
func (t *trip) add(s *seat) {
	s.trip, s.number = &t.journey, len(t.seats)
	t.seats = append(t.seats, s)
	t.bytes += len(s.op)
	t.riding.Add(1)
	s.bell = t.watch(s.deadline)
}

// load is what a trip sends. Equal operations are sent once.
type load struct {
	request batchpb.Reads
	at      map[uint64]int // where the operation with this hash is
}

var loads = sync.Pool{New: func() any { return &load{at: map[uint64]int{}} }}

var seed = maphash.MakeSeed()

// fill takes the operations of the riders that still wait. It returns for each rider where its operation is, and the latest of their
// deadlines.
func (l *load) fill(riders []*seat) (of []int, deadline time.Time) {
	of = make([]int, len(riders))
	for i, s := range riders {
		if s.gone.Load() {
			of[i] = -1
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
		of[i] = at
	}
	return of, deadline
}

// contexts returns the contexts of the riders whose operations are sent.
func (t *trip) contexts() []context.Context {
	all := make([]context.Context, 0, len(t.seats))
	for i, s := range t.seats {
		if t.of[i] >= 0 {
			all = append(all, s.parent)
		}
	}
	return all
}

func (l *load) free() {
	clear(l.request.Success) // the operations belong to the riders
	l.request.Success = l.request.Success[:0]
	clear(l.at)
	loads.Put(l)
}

// travel makes the call, and tells the riders what came of it. The lessons are in the result.
func (t *trip) travel(kind Kind, c *Config) outcome {
	defer t.cancel()
	t.leave()
	l := loads.Get().(*load)
	defer l.free()
	var deadline time.Time
	t.of, deadline = l.fill(t.seats)
	ops := len(l.request.Success)
	if ops == 0 {
		t.end()
		return outcome{}
	}
	var riders []context.Context
	if c.Observed {
		riders = t.contexts()
	}
	answer := &batchpb.Answers{Responses: make([][]byte, 0, ops)}
	t.departed = time.Now()
	err := t.send(riders, deadline, kind, c, &l.request, answer)
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
	t.answers, t.alone = answer, o.refused
	if !o.refused {
		t.err = err
	}
	t.end()
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
	t.alone = true
	t.end()
	return outcome{refused: true, began: t.departed}
}

// fail tells the riders that the trip cannot leave.
func (t *trip) fail(err error) {
	t.cancel()
	t.err = err
	t.end()
}
