// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"sync"
	"time"
)

// suspicion holds one request to verify an endpoint now. The goroutine that looks after the endpoint waits in gRPC for the loss of
// the transport. So the request ends a context, because a channel would need a second goroutine for each endpoint.
type suspicion struct {
	mu   sync.Mutex
	held bool
	wake context.CancelFunc // of the wait under way; nil: there is none
}

func (s *suspicion) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
	if s.wake != nil {
		s.wake()
	}
}

// until returns a context that ends at a time, with parent, or for a request, also one that is held already. stop ends the wait, and
// satisfies the request.
func (s *suspicion) until(parent context.Context, at time.Time) (waiting context.Context, stop func()) {
	waiting, cancel := context.WithDeadline(parent, at)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake = cancel; s.held {
		cancel()
	}
	return waiting, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held, s.wake = false, nil
	}
}
