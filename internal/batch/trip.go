// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"google.golang.org/grpc/grpclog"

	"github.com/eetcd-go/eetcd/internal/tell"
)

// trip is one transaction with the reads of its riders. The lock of the queue guards it until it leaves.
type trip struct {
	journey
	first    *seat // from which the others follow; not to be used once the trip is over: seats may serve others
	last     *seat
	riders   int // with those who have left
	bytes    int // of the operations
	departed time.Time
	cutOff   bool // an interceptor has ended the goroutine of the call

	overtaken int // by how many later trips that were answered; the lock of the queue guards it
}

func newTrip(c *Config) *trip {
	t := &trip{}
	t.load = loadOf(c.Private)
	t.holding.Store(2)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.riding.Store(1)
	t.bell, t.vacant = make(chan struct{}), make(chan struct{})
	return t
}

// add gives a rider its seat.
func (t *trip) add(s *seat) {
	s.trip, s.number = &t.journey, t.riders
	if t.riders++; t.first == nil {
		t.first = s
	} else {
		t.last.next = s
	}
	t.last = s
	t.bytes += len(s.op)
	t.riding.Add(1)
	s.bell = t.watch(s.deadline)
}

// fill loads the operations of the riders that still wait, and returns the latest of their deadlines.
func (t *trip) fill() (deadline time.Time) {
	t.load.of = slices.Grow(t.load.of, t.riders)[:t.riders]
	for s := t.first; s != nil; s = s.next {
		if s.gone.Load() {
			t.load.of[s.number] = -1
			continue
		}
		if s.deadline.After(deadline) {
			deadline = s.deadline
		}
		t.load.of[s.number] = t.load.add(s.op)
	}
	return deadline
}

// contexts returns the contexts of the riders whose operations are sent.
func (t *trip) contexts() []context.Context {
	all := make([]context.Context, 0, t.riders)
	for s := t.first; s != nil; s = s.next {
		if t.load.of[s.number] >= 0 {
			all = append(all, s.parent)
		}
	}
	return all
}

// travel makes the call, and tells the riders what came of it. The lessons are in the result.
func (t *trip) travel(kind Kind, c *Config) outcome {
	defer t.cancel()
	t.leave()
	deadline := t.fill()
	ops := len(t.load.request.Success)
	if ops == 0 {
		t.end()
		return outcome{}
	}
	t.departed = time.Now()
	err := t.send(deadline, kind, c)
	answer := &t.load.answers
	o := outcome{seats: t.riders, ops: ops, began: t.departed, err: err}
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
	t.alone = o.refused
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
func (t *trip) send(deadline time.Time, kind Kind, c *Config) (err error) {
	var riders []context.Context
	if c.Observed {
		riders = t.contexts()
	}
	t.cutOff = true
	defer func() {
		if said := recover(); said != nil {
			logger.Errorf("a batch of reads panicked, so each of them goes alone: %s\n%s", tell.Line(fmt.Sprint(said)), debug.Stack())
			t.cutOff, err = false, errPanic
		}
	}()
	err = c.Send(t.ctx, riders, deadline, kind, &t.load.request, &t.load.answers, &t.Progress)
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
