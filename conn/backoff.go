// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	reconnectMin    = 200 * time.Millisecond
	reconnectMax    = 25600 * time.Millisecond
	reconnectJitter = 0.2
)

// cycle is an exponential backoff that starts anew after its longest interval, so that an endpoint that was away for
// hours is found again soon after its return.
type cycle struct {
	*backoff.ExponentialBackOff
	left int // intervals until it starts anew
}

// steps is the number of intervals from reconnectMin to reconnectMax.
const steps = 8

func reconnection() backoff.BackOff {
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

// pause makes the backoff of one loop.
func (o *options) pause() backoff.BackOff {
	if b := o.newBackoff(); b != nil {
		return b
	}
	return reconnection()
}

// nextWait is b's next interval, for ever: a backoff of the user's that stops is started anew.
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

const (
	retryMin = 20 * time.Millisecond
	retryMax = 500 * time.Millisecond
)

// retryWait is the pause before the n-th retry of a call, from 0: doubling, with full jitter in its upper half.
func retryWait(n int) time.Duration {
	d := retryMin << min(n, 10)
	d = min(d, retryMax)
	return d/2 + rand.N(d/2)
}
