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
}

// Begins says that an attempt begins.
func (p *Progress) Begins(endpoint string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endpoint, p.began = endpoint, time.Now()
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
}

func (l *Left) Error() string { return "left the trip" }

// left returns what a rider that leaves now can tell.
func (p *Progress) left() *Left {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &Left{Endpoint: p.endpoint, Before: p.failed}
	if p.endpoint != "" {
		l.Silent = time.Since(p.began)
	}
	return l
}
