// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// phase is what gRPC has been told:
//
//	phase    event                                                   next
//	nothing  an attempt fails, or remindAfter passes:
//	         - a resolver of this target that was closed had a list  listed: gRPC has that list
//	         - there is no such list                                 nothing: gRPC has the error
//	any      a list of instances                                     listed
//	any      an empty list, and no instance is kept                  empty
//	listed,  an attempt fails                                        the same: gRPC has the last list
//	empty
//	any      Close                                                   closed
//
// In listed, gRPC also has the instances that are kept. An empty list, and a list of another history, make kept ones of all instances
// that gRPC has. If it has none yet, a list of another history does so with those of the resolver before. See kept.
type phase uint8

const (
	nothing phase = iota
	listed
	empty
	closed
)

const (
	// tellEvery is the shortest time between two lists. So many instances that come one by one are a few lists.
	tellEvery = 100 * time.Millisecond
	// remindAfter is how long gRPC waits for a first list before it has that of an earlier resolver.
	remindAfter = time.Second
)

// shown is what a gRPC client has been told.
type shown struct {
	cc     grpcresolver.ClientConn
	prefix string
	memory *memory

	mu      sync.Mutex
	phase   phase
	keys    *keys      // what is registered, guarded by mu too; nil before the first list
	told    []Instance // in listed
	kept    kept
	skipped int       // keys whose value was skipped, when gRPC was told in empty
	failing bool      // an attempt has failed since the last list
	newer   bool      // keys or kept has changed since gRPC was told
	next    time.Time // when gRPC may be told again
	timer   *time.Timer
	timing  sync.WaitGroup // of timers that have not been stopped
}

// newShown returns what is shown to cc. inStep reports whether keys are those of etcd, and since when.
func newShown(cc grpcresolver.ClientConn, prefix string, keep time.Duration, m *memory, inStep func() (time.Time, bool)) *shown {
	s := &shown{cc: cc, prefix: prefix, memory: m, kept: kept{time: keep, inStep: inStep}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(m.of(prefix).list) > 0 {
		s.startTimer(remindAfter)
	}
	return s
}

// failed notes that there is no newer list.
func (s *shown) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase == closed:
	case s.phase == nothing && !s.remind():
		// Not wrapped: where an error has a gRPC code of its own, gRPC takes it for that of the call, and fails also calls that wait.
		s.cc.ReportError(fmt.Errorf("resolver: the instances under %q are not known yet: %v", s.prefix, err))
	case !s.failing:
		s.failing = true
		logger.Warningf("the instances under %q cannot be followed at the moment; gRPC keeps the last list: %v", s.prefix, err)
	}
}

// remind tells gRPC the list of an earlier resolver, and reports whether there is one. The lock is held.
func (s *shown) remind() bool {
	last := s.memory.of(s.prefix).list
	if len(last) == 0 {
		return false
	}
	s.update(last, 0)
	return true
}

// list carries out a turn of the keys, which makes the newest list. Under the same lock it keeps the instances that have vanished, so
// gRPC sees neither half a turn nor a list without them.
func (s *shown) list(k *keys, t turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == closed {
		return
	}
	k.apply(t)
	last := s.told
	if s.phase == nothing && t.rewound {
		last = s.memory.of(s.prefix).list
	}
	if (t.rewound || k.there == 0) && len(last) > 0 {
		if s.kept.time > 0 {
			logger.Warningf("all instances under %q may be gone; gRPC keeps the last ones for %v", s.prefix, s.kept.time)
		}
		s.kept.add(last)
	}
	s.keys, s.newer, s.failing = k, true, false
	s.tell()
}

// tell tells gRPC what is new, now or when it is time. The lock is held.
func (s *shown) tell() {
	s.stopTimer()
	if s.phase == nothing && s.keys == nil {
		s.remind()
	}
	expired, again := s.kept.expire()
	s.newer = s.newer || expired
	if s.newer {
		if wait := time.Until(s.next); wait > 0 {
			s.startTimer(wait)
			return
		}
		list, skipped := s.keys.instances()
		s.update(s.kept.with(list), skipped)
		s.newer = false
	}
	if again > 0 {
		s.startTimer(again)
	}
}

// update tells gRPC a list. The lock is held.
func (s *shown) update(list []Instance, skipped int) {
	s.next = time.Now().Add(tellEvery)
	switch {
	case len(list) > 0:
		if s.phase != listed || !reflect.DeepEqual(list, s.told) {
			_ = s.cc.UpdateState(stateOf(list)) // an error is the balancer's, and the same list would not help it
		}
		s.phase, s.told = listed, list
	case s.phase != empty || skipped != s.skipped:
		s.phase, s.told, s.skipped = empty, nil, skipped
		err := fmt.Errorf("resolver: no instance is registered under %q", s.prefix)
		if skipped > 0 {
			err = fmt.Errorf("%w; keys with a value that does not decode: %d", err, skipped)
		}
		_ = s.cc.UpdateState(stateOf(nil)) // which is an error to a balancer; it asks for another list
		s.cc.ReportError(err)
	}
}

func (s *shown) startTimer(after time.Duration) {
	s.timing.Add(1)
	var mine *time.Timer
	mine = time.AfterFunc(after, func() {
		defer s.timing.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.timer == mine {
			s.timer = nil
			s.tell()
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

// close ends what is shown. The history is that of the keys.
func (s *shown) close(of follow.History) {
	s.mu.Lock()
	if s.phase == listed || s.phase == empty {
		s.memory.keep(s.prefix, remembered{s.told, of})
	}
	s.phase = closed
	s.stopTimer()
	s.mu.Unlock()
	s.timing.Wait()
}
