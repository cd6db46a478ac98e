// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	grpcresolver "google.golang.org/grpc/resolver"
)

// phase is what gRPC has been told:
//
//	phase    event                                          next
//	nothing  an attempt fails                               nothing: gRPC has the error
//	any      a list of instances                            listed
//	nothing  an empty list                                  empty
//	listed   an empty list                                  keeping for the time of WithKeepLast; empty if that is 0
//	listed,  an attempt fails                               the same: gRPC has the last list
//	keeping,
//	empty
//	keeping  the time of WithKeepLast has passed            empty
//	any      Close                                          closed
//
// In keeping gRPC still has the last list that was not empty.
type phase uint8

const (
	nothing phase = iota
	listed
	keeping
	empty
	closed
)

// shown is what a gRPC client has been told.
type shown struct {
	cc     grpcresolver.ClientConn
	keep   time.Duration
	prefix string

	mu        sync.Mutex
	phase     phase
	last      []Instance // in listed and keeping
	undecoded int        // keys in the last list whose value was skipped
	reported  string     // the last error in nothing
	timer     *time.Timer
	timing    sync.WaitGroup // of timers that have not been stopped
}

func newShown(cc grpcresolver.ClientConn, keep time.Duration, prefix string) *shown {
	return &shown{cc: cc, keep: keep, prefix: prefix}
}

// failed notes that there is no newer list.
func (s *shown) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != nothing || s.reported == err.Error() {
		return
	}
	s.reported = err.Error()
	// Not wrapped: where an error has a gRPC code of its own, gRPC takes it for that of the call, and fails also calls that wait.
	s.cc.ReportError(fmt.Errorf("resolver: the instances under %q are not known yet: %v", s.prefix, err))
}

// list notes the newest list.
func (s *shown) list(now []Instance, undecoded int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undecoded = undecoded
	switch {
	case s.phase == closed:
	case len(now) > 0:
		s.stopTimer()
		if s.phase == nothing || s.phase == empty || !reflect.DeepEqual(now, s.last) {
			_ = s.cc.UpdateState(stateOf(now)) // an error is the balancer's, and the same list would not help it
		}
		s.phase, s.last = listed, now
	case s.phase == listed && s.keep > 0:
		logger.Warningf("all instances under %q are gone; gRPC keeps the last ones for %v", s.prefix, s.keep)
		s.phase = keeping
		s.startTimer()
	case s.phase != keeping && s.phase != empty:
		s.none()
	}
}

// none tells gRPC that there are no instances. The lock is held.
func (s *shown) none() {
	s.phase, s.last = empty, nil
	err := fmt.Errorf("resolver: no instance is registered under %q", s.prefix)
	if s.undecoded > 0 {
		err = fmt.Errorf("%w; keys with a value that does not decode: %d", err, s.undecoded)
	}
	_ = s.cc.UpdateState(stateOf(nil)) // which is an error to a balancer; it asks for another list
	s.cc.ReportError(err)
}

func (s *shown) startTimer() {
	s.timing.Add(1)
	var mine *time.Timer
	mine = time.AfterFunc(s.keep, func() {
		defer s.timing.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.timer == mine && s.phase == keeping {
			s.none()
		}
	})
	s.timer = mine
}

func (s *shown) stopTimer() {
	if s.timer != nil && s.timer.Stop() {
		s.timing.Done()
	}
	s.timer = nil
}

func (s *shown) close() {
	s.mu.Lock()
	s.phase = closed
	s.stopTimer()
	s.mu.Unlock()
	s.timing.Wait()
}
