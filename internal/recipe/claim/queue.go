// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// queue is the keys below a name, and the way to them.
//
// The name a/b lies below the name a, so a key of the one counts as a key of the other. etcd's lock and election services
// have it so, and whoever queues with them has to count what they count.
type queue struct {
	conn   *engine.Conn
	to     ctx.Ctx // where requests go: connection and endpoint
	pinned bool    // to one endpoint
	prefix string  // of the keys
}

func newQueue(c ctx.Ctx) (*queue, error) {
	to, err := engine.Lookup(c.Conn())
	if err != nil {
		return nil, err
	}
	q := &queue{conn: to, to: ctx.New(c.Conn()), prefix: c.Name() + "/"}
	if endpoint, ok := c.Endpoint(); ok {
		q.to, q.pinned = q.to.WithEndpoint(endpoint), true
	}
	return q, nil
}

// anywhere is the queue by way of any endpoint, for putting things in order.
func (q *queue) anywhere() *queue {
	return &queue{conn: q.conn, to: ctx.New(q.to.Conn()), prefix: q.prefix}
}

// An attempt may take this long before the next one is made, elsewhere: a member that is paused answers nothing. The time
// doubles from one attempt to the next, so that a cluster which is slow gets to answer.
const (
	attemptMin = 1500 * time.Millisecond
	attemptMax = 16 * time.Second
)

// repeat sends what may be sent any number of times, until it is answered or refused, or until waiting ends.
func (q *queue) repeat(waiting context.Context, send func(attempt context.Context) error) error {
	var rest Pause
	var last error
	for limit := attemptMin; ; limit = min(2*limit, attemptMax) {
		if err := q.open(); err != nil {
			return err
		}
		attempt, stop := context.WithTimeout(waiting, limit)
		err := send(attempt)
		stop()
		switch {
		case err == nil || Final(err):
			return err
		case waiting.Err() != nil:
			return ended(waiting, last)
		case !q.passing(err):
			return err
		}
		if last = err; !q.rest(waiting, &rest, err) {
			return ended(waiting, last)
		}
	}
}

// open reports that the connection has been closed, and its name perhaps opened again for another cluster.
func (q *queue) open() error {
	if now, err := engine.Lookup(q.to.Conn()); err != nil || now != q.conn {
		return fmt.Errorf("%w: %q", connerr.ErrClosed, q.to.Conn())
	}
	return nil
}

// passing reports whether the same request may fare better later.
func (q *queue) passing(err error) bool {
	if resume.Outage(err) {
		return true
	}
	if Final(err) || q.pinned && errors.Is(err, etcderr.ErrNotSupportedForLearner) {
		return false
	}
	var e *etcderr.Error
	if !errors.As(err, &e) {
		return false
	}
	if e.SafeToRetry() {
		return true
	}
	switch e.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.ResourceExhausted:
		return true
	case codes.Internal: // a reset stream; but an answer that cannot be decoded will not be better the next time
		return !strings.HasPrefix(e.Message(), "grpc: ")
	default:
		return false
	}
}

// Final reports whether what failed with err would fail so again, here and on each other member.
func Final(err error) bool {
	return resume.Final(err) || !resume.Outage(err) && (errors.Is(err, connerr.ErrNotOpen) || errors.Is(err, ctx.ErrInvalid))
}

// rest pauses before the next attempt, with no endpoint Active until one is. It reports whether there is to be one.
func (q *queue) rest(waiting context.Context, p *Pause, err error) bool {
	if !p.Sleep(waiting) {
		return false
	}
	if q.pinned || !errors.Is(err, connerr.ErrUnavailable) {
		return true
	}
	return q.conn.WaitReady(waiting) == nil || waiting.Err() == nil
}

// ended is why there is no further attempt: waiting has ended. last is what the attempts met before, nil if nothing.
func ended(waiting context.Context, last error) error {
	if last == nil {
		return tell.Ended(waiting)
	}
	return fmt.Errorf("%w; before that: %w", tell.Ended(waiting), last)
}

// Pause is the time between two attempts: 50 ms, then twice as much each time up to 2 s, give or take a half.
type Pause struct{ next time.Duration }

const (
	pauseMin = 50 * time.Millisecond
	pauseMax = 2 * time.Second
)

// Sleep reports whether the pause is over; otherwise life has ended.
func (p *Pause) Sleep(life context.Context) bool {
	d := max(p.next, pauseMin)
	p.next = min(2*d, pauseMax)
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-life.Done():
		return false
	}
}

// Reset begins with 50 ms again.
// Reset begins with 50 ms again.
func (p *Pause) Reset() { p.next = 0 }
