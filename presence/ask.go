// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// An attempt may take this long before the next one is made, elsewhere: a member that is paused answers nothing. The time
// doubles from one attempt to the next, so that a cluster which is slow gets to answer.
const (
	attemptMin = 1500 * time.Millisecond
	attemptMax = 16 * time.Second
)

// asker makes the attempts of a presence, one at a time.
type asker struct {
	conn  *engine.Conn
	limit time.Duration // of the next attempt
	paced bool          // each attempt waits for its turn
	queue int           // where it waits
}

// ask makes one attempt. One that has had its turn fails at once if there is no endpoint any more, and needs another turn. All that
// waited for an endpoint in their calls would be sent together when it is back.
func (a *asker) ask(within context.Context, send func(attempt context.Context) error) error {
	if now, err := engine.Lookup(a.conn.Name()); err != nil || now != a.conn {
		return connerr.Closed(a.conn.Name()) // its name may be that of another cluster by now
	}
	if a.paced {
		pacer := pacerOf(a.conn)
		turn := pacer.enter(a.queue, 0)
		defer pacer.leave(turn)
		select {
		case <-turn.begun:
		case <-within.Done():
			return context.Cause(within)
		}
		a.queue = returning
		if len(a.conn.Active()) == 0 {
			return connerr.ErrUnavailable
		}
	}
	attempt, cancel := context.WithTimeout(within, a.limit)
	defer cancel()
	err := send(attempt)
	switch {
	case err == nil, resume.Outage(err), final(err):
		a.limit = attemptMin
	default:
		a.limit = min(2*a.limit, attemptMax)
	}
	if err != nil && within.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(within), err)
	}
	return err
}

// final reports whether the servers would refuse the same again.
func final(err error) bool {
	return claim.Final(err) && !errors.Is(err, etcderr.ErrLeaseNotFound)
}

// queueUp makes each attempt from now on wait for its turn.
func (a *asker) queueUp() { a.paced, a.queue = true, starting }

// hurry makes attempts wait for nothing.
func (a *asker) hurry() { a.paced = false }
