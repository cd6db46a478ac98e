// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"slices"
	"sync"
)

// setting is a value that the key is to have.
type setting struct {
	number    int
	value     string
	abandoned bool          // nobody waits for it
	settled   chan struct{} // closed when the servers have it, or a newer one, or have refused it
	err       error         // why they refuse it; set before
}

// values are those that the key is to have, the newest last.
type values struct {
	wake chan struct{} // holds a signal for the owner

	mu     sync.Mutex
	wanted []*setting // those that the servers do not have yet
	stored *setting   // the one that the servers had last; nil before the first one
	sets   int        // settings so far
}

// want makes a value the newest one.
func (v *values) want(value string) *setting {
	v.mu.Lock()
	v.sets++
	s := &setting{number: v.sets, value: value, settled: make(chan struct{})}
	v.forget()
	v.wanted = append(v.wanted, s)
	v.mu.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
	return s
}

// forget drops the settings that nobody waits for, except the newest of them: that one counts if the servers refuse the newer
// ones. The lock is held.
func (v *values) forget() {
	kept := false
	for i, s := range slices.Backward(v.wanted) {
		if s.abandoned && kept {
			v.wanted = slices.Delete(v.wanted, i, i+1)
		}
		kept = kept || s.abandoned
	}
}

// abandon notes that nobody waits for a setting any more. It reports false if that has settled.
func (v *values) abandon(s *setting) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-s.settled:
		return false
	default:
		s.abandoned = true
		return true
	}
}

// newest is the value that the key is to have.
func (v *values) newest() *setting {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := len(v.wanted); n > 0 {
		return v.wanted[n-1]
	}
	return v.stored
}

// settle notes that the servers have a value, and so need none of the older ones.
func (v *values) settle(stored *setting) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stored = stored
	v.wanted = slices.DeleteFunc(v.wanted, func(s *setting) bool {
		if s.number > stored.number {
			return false
		}
		close(s.settled)
		return true
	})
}

// refuse notes that the servers refuse a value for good. The one before it counts again. It reports false where there is none.
func (v *values) refuse(refused *setting, err error) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stored == nil || refused == v.stored {
		return false
	}
	v.wanted = slices.DeleteFunc(v.wanted, func(s *setting) bool { return s == refused })
	refused.err = err
	close(refused.settled)
	return true
}
