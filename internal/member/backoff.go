// SPDX-License-Identifier: Apache-2.0

package member

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	reconnectMin    = 200 * time.Millisecond
	reconnectMax    = 25600 * time.Millisecond
	reconnectJitter = 0.2
)

// cycle is an exponential backoff that starts again after its longest interval. So an endpoint that was away for
// hours is found soon after its return.
type cycle struct {
	*backoff.ExponentialBackOff
	left int // intervals until it starts again
}

// steps is the number of intervals from reconnectMin to reconnectMax.
const steps = 8

// Reconnection returns eetcd's backoff: 200 ms, doubled up to 25.6 s, and then again from the start.
func Reconnection() backoff.BackOff {
	return &cycle{
		ExponentialBackOff: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(reconnectMin),
			backoff.WithMultiplier(2),
			backoff.WithMaxInterval(reconnectMax),
			backoff.WithRandomizationFactor(reconnectJitter),
			backoff.WithMaxElapsedTime(0),
		),
		left: steps,
	}
}

func (c *cycle) NextBackOff() time.Duration {
	if c.left == 0 {
		c.Reset()
	}
	c.left--
	return c.ExponentialBackOff.NextBackOff()
}

func (c *cycle) Reset() {
	c.left = steps
	c.ExponentialBackOff.Reset()
}

// nextWait returns the next interval of b. It restarts a user's backoff that has stopped, so the intervals never end.
func nextWait(b backoff.BackOff) time.Duration {
	d := b.NextBackOff()
	if d == backoff.Stop {
		b.Reset()
		d = b.NextBackOff()
	}
	if d < 0 {
		return reconnectMin
	}
	return d
}
