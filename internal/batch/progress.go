// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"sync"
	"time"
)

// Progress is what is known of a request under way. Its methods are safe for concurrent use. Those of a nil Progress do nothing.
type Progress struct {
	mu       sync.Mutex
	endpoint string    // of the attempt under way; "" if there is none
	began    time.Time // when that began
	failed   error     // of the attempt before
	ride     Ride
}

// Ride is what a rider can tell of its trip.
type Ride struct {
	Endpoint string // that answered, or else that of the last attempt; "" if there was none
	Attempts int    // with hedges
	Hedged   bool
}

// Begins says that an attempt begins.
func (p *Progress) Begins(endpoint string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endpoint, p.began = endpoint, time.Now()
	p.ride.Endpoint = endpoint
	p.ride.Attempts++
}

// Hedges says that a second attempt begins beside the one under way.
func (p *Progress) Hedges() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ride.Attempts++
	p.ride.Hedged = true
}

// AnsweredBy says which endpoint has given the answer.
func (p *Progress) AnsweredBy(endpoint string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ride.Endpoint = endpoint
}

// Fails says that an attempt has failed.
func (p *Progress) Fails(err error) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endpoint, p.failed = "", err
}

// Left says that a rider has left its trip: its context or its deadline has ended before the answer came.
type Left struct {
	Endpoint string        // of the attempt under way; "" if there is none
	Silent   time.Duration // since when the endpoint had not answered
	Before   error         // of the attempt before; may be nil
	Ride     Ride          // so far
}

func (l *Left) Error() string { return "left the trip" }

// rode returns what the riders can tell of a trip that is over. So nothing changes any more, and they need no lock.
func (p *Progress) rode() Ride { return p.ride }

// left returns what a rider that leaves now can tell.
func (p *Progress) left() *Left {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &Left{Endpoint: p.endpoint, Before: p.failed, Ride: p.ride}
	if p.endpoint != "" {
		l.Silent = time.Since(p.began)
	}
	return l
}
