// SPDX-License-Identifier: Apache-2.0

package report

import (
	"maps"
	"slices"
	"sync"
)

// Set is what a package has on a connection at present. The zero Set is empty. Its methods are safe for concurrent use.
type Set[T comparable] struct {
	mu      sync.Mutex
	members map[T]struct{}
}

// Add adds a member.
func (s *Set[T]) Add(member T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members == nil {
		s.members = map[T]struct{}{}
	}
	s.members[member] = struct{}{}
}

// Remove removes a member.
func (s *Set[T]) Remove(member T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.members, member)
}

// All returns the members, in no order.
func (s *Set[T]) All() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.members))
}
