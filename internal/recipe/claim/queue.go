// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
	"github.com/eetcd-go/eetcd/kv"
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
	entry  *entry  // of the claim, for reports; nil in the clean-up
}

func newQueue(c ctx.Ctx) (*queue, error) {
	to, err := engine.Lookup(sealed.Ctx(c).Conn())
	if err != nil {
		return nil, err
	}
	q := &queue{conn: to, to: ctx.New(sealed.Ctx(c).Conn()), prefix: sealed.Ctx(c).Name() + "/"}
	if endpoint, ok := sealed.Ctx(c).Endpoint(); ok {
		q.to, q.pinned = q.to.WithEndpoint(endpoint), true
	}
	return q, nil
}

// anywhere returns the queue without its endpoint, for the clean-up.
func (q *queue) anywhere() *queue {
	return &queue{conn: q.conn, to: ctx.New(sealed.Ctx(q.to).Conn()), prefix: q.prefix}
}

// An attempt may take this long. The next one goes to another member, because a member that is paused answers nothing. The time
// doubles from one attempt to the next, so that a slow cluster gets enough time.
const (
	attemptMin = 1500 * time.Millisecond
	attemptMax = 16 * time.Second
)

// repeat sends a request that may be sent any number of times, until it is answered or refused, or until waiting ends.
func (q *queue) repeat(waiting context.Context, send func(attempt context.Context) error) error {
	var rest wait.Pause
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
			return q.whyNot(err)
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

// open returns an error if the connection was closed. Its name may belong to a connection to another cluster by now.
func (q *queue) open() error {
	if now, err := engine.Lookup(sealed.Ctx(q.to).Conn()); err != nil || now != q.conn {
		return connerr.Closed(sealed.Ctx(q.to).Conn())
	}
	return nil
}

// whyNot returns err, or ErrClosed where err is ErrNotOpen: the name was open when the queue was made.
func (q *queue) whyNot(err error) error {
	if errors.Is(err, connerr.ErrNotOpen) {
		return cmp.Or(q.open(), err)
	}
	return err
}

// passing reports whether the same request may succeed later.
func (q *queue) passing(err error) bool {
	if resume.Outage(err) {
		return true
	}
	if Final(err) || resume.FinalAt(q.pinned, err) {
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

// rest pauses before the next attempt, and waits for an Active endpoint if there is none. It reports whether to make the
// attempt.
func (q *queue) rest(waiting context.Context, p *wait.Pause, err error) bool {
	if !p.Sleep(waiting) {
		return false
	}
	if q.pinned || !errors.Is(err, connerr.ErrUnavailable) {
		return true
	}
	return q.conn.WaitReady(waiting) == nil || waiting.Err() == nil
}

// taken reports whether anybody is in the queue.
func (q *queue) taken(waiting context.Context) (taken bool, err error) {
	err = q.repeat(waiting, func(attempt context.Context) error {
		there, err := kv.Get(attempt, q.to.WithKey(q.prefix).WithPrefix().WithCountOnly())
		taken = there.GetCount() > 0
		return err
	})
	return taken, err
}
