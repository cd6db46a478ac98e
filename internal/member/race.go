// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/internal/wait"
)

// staggerMax is the longest head start of one way before the next one is tried as well.
const staggerMax = 250 * time.Millisecond

// race tries n ways one after another until one works. The next way begins when one has failed, or after a while
// without a result. So a way that swallows packets does not use up the timeout. discard gets what works too late. The
// error joins those of all ways.
func race[T any](
	parent context.Context, n int, timeout time.Duration, try func(context.Context, int) (T, error), discard func(T),
) (T, error) {
	if n == 1 {
		return try(parent, 0)
	}
	type result struct {
		got T
		err error
	}
	parent, cancel := wait.WithOwnTime(parent, timeout, lateError(timeout))
	results := make(chan result)
	running, begun := 0, 0
	begin := func() {
		i := begun
		begun, running = begun+1, running+1
		go func() {
			got, err := try(parent, i)
			results <- result{got, err}
		}()
	}
	// Cancel and join what is still under way.
	defer func() {
		cancel()
		for ; running > 0; running-- {
			if r := <-results; r.err == nil {
				discard(r.got)
			}
		}
	}()
	stagger := time.NewTicker(min(staggerMax, max(timeout/time.Duration(n+1), 1)))
	defer stagger.Stop()
	begin()
	var failed error
	for {
		select {
		case r := <-results:
			running--
			if r.err == nil {
				return r.got, nil
			}
			if failed == nil {
				failed = r.err
			} else {
				failed = fmt.Errorf("%w; %w", failed, r.err)
			}
			if begun < n {
				begin()
				continue
			}
			if running == 0 {
				var none T
				return none, failed
			}
		case <-stagger.C:
			if begun < n {
				begin()
			}
		}
	}
}

// lateError is a check that took too long.
type lateError time.Duration

func (e lateError) Error() string { return fmt.Sprintf("no answer within %v", time.Duration(e)) }

// tooLate reports whether err says that no answer came in time.
func tooLate(err error) bool {
	var late lateError
	return errors.As(err, &late)
}
