// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// A call that puts things in order on its way out waits for that as long as tidyMax. Once its own time is up it waits as
// long as tidyShort where it waited without success, and as long as tidyHeld to give up what it held: others wait for that, and
// the program may be about to end. What takes longer goes on without the call.
const (
	tidyMax   = 5 * time.Second
	tidyHeld  = 2 * time.Second
	tidyShort = 500 * time.Millisecond
	// looksMax is after how many looks for a request that may come late a call does not wait for it any longer.
	looksMax = 3
)

// tidy runs f on a goroutine of the connection, and waits until f is done with what the caller is to wait for, but not
// longer than late after the end of parent.
func tidy(parent context.Context, c *engine.Conn, late time.Duration, f func(life context.Context, done func())) {
	finished := make(chan struct{})
	done := sync.OnceFunc(func() { close(finished) })
	values := context.WithoutCancel(parent)
	err := c.Go(func(life context.Context) {
		defer done()
		life, stop := whileBoth(values, life)
		defer stop()
		f(life, done)
	})
	if err != nil { // closed
		return
	}
	limit := time.NewTimer(tidyMax)
	defer limit.Stop()
	for ended := parent.Done(); ; {
		select {
		case <-finished:
			return
		case <-limit.C:
			return
		case <-ended:
			ended = nil
			limit.Reset(late)
		}
	}
}

// whileBoth has the values of the one context, and ends with the other too.
func whileBoth(values, life context.Context) (context.Context, func()) {
	both, cancel := context.WithCancelCause(values)
	unbind := context.AfterFunc(life, func() { cancel(context.Cause(life)) })
	return both, func() { unbind(); cancel(nil) }
}
