// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/eetcd-go/eetcd/internal/wait"
)

const (
	// hurryPause is the least time between two attempts to reconnect, however many calls wait.
	hurryPause = 250 * time.Millisecond
	// aloneMax is the longest pause between two attempts while nothing is Active.
	aloneMax = time.Second
	// flapStep is added to the pause before a redial for each useless link after the first.
	flapStep = 500 * time.Microsecond
)

// pace spaces the attempts of one goroutine to reconnect.
type pace struct {
	config   *Config
	backoff  backoff.BackOff // nil before the first pause
	capped   bool            // by aloneMax; a user's backoff is not
	rotation *rotation
	hurried  chan struct{} // holds one request for an early attempt
	began    time.Time     // of the last attempt
	flaps    int           // links lost in a row before any was of use
}

func newPace(c *Config, r *rotation, hurried chan struct{}) *pace {
	return &pace{config: c, rotation: r, hurried: hurried}
}

// pause returns the length of the next pause.
func (p *pace) pause() time.Duration {
	if p.backoff == nil {
		p.backoff = p.config.backoff()
		_, p.capped = p.backoff.(*cycle)
	}
	return nextWait(p.backoff)
}

// reset begins the pauses anew after a success.
func (p *pace) reset() {
	if p.backoff != nil {
		p.backoff.Reset()
	}
}

// attempt records the start of an attempt, which satisfies all earlier requests for one.
func (p *pace) attempt() {
	p.began = time.Now()
	select {
	case <-p.hurried:
	default:
	}
}

// rest waits for d before the next attempt. A call that needs an endpoint shortens the wait, and so does a connection
// with nothing Active. rest calls planned with the time of the attempt each time that changes. It reports whether
// life goes on.
func (p *pace) rest(life context.Context, d time.Duration, planned func(time.Time)) bool {
	now := time.Now()
	due, alone := now.Add(d), now.Add(aloneMax-rand.N(aloneMax/5))
	for {
		active, changed := p.rotation.watch()
		next := due
		if active == 0 && p.capped && alone.Before(next) {
			next = alone
		}
		planned(next)
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
			return life.Err() == nil
		case <-life.Done():
			timer.Stop()
			return false
		case <-p.hurried:
			if soon := p.began.Add(hurryPause); soon.Before(due) {
				due = soon
			}
		case <-changed:
		}
		timer.Stop()
	}
}

// redial waits before the first attempt after the loss of a link that went into service at since. There is no pause,
// unless the endpoint loses one link after another before any was of use. It reports whether life goes on.
func (p *pace) redial(life context.Context, l *Link, since time.Time) bool {
	if l.useful(since) {
		p.flaps = 0
		return life.Err() == nil
	}
	pause := min(time.Duration(p.flaps)*flapStep, aloneMax)
	p.flaps++
	return wait.For(life, pause)
}
