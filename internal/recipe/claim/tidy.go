// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// A call that cleans up before it returns waits up to tidyMax for that. Once its own time is up, it waits up to tidyShort if it
// never held the claim. It waits up to tidyHeld if it did, because others wait for the claim and the program may be about to
// end. After that the connection continues the clean-up without the call.
const (
	tidyMax   = 5 * time.Second
	tidyHeld  = 2 * time.Second
	tidyShort = 500 * time.Millisecond
	// looksMax is how often a call looks for a request that may arrive late. After that, the connection looks without the call.
	looksMax = 3
)

// tidy runs f on a goroutine of the connection. It waits until f has done what the caller waits for, but at most late after the
// end of parent.
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
	began, limit := time.Now(), time.NewTimer(tidyMax)
	defer limit.Stop()
	for ended := parent.Done(); ; {
		select {
		case <-finished:
			return
		case <-limit.C:
			return
		case <-ended:
			ended = nil
			limit.Reset(min(late, tidyMax-time.Since(began)))
		}
	}
}

// whileBoth returns a context with the values of one context, which also ends with the other.
func whileBoth(values, life context.Context) (context.Context, func()) {
	both, cancel := context.WithCancelCause(values)
	unbind := context.AfterFunc(life, func() { cancel(context.Cause(life)) })
	return both, func() { unbind(); cancel(nil) }
}
