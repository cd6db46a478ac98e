// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"sync"
)

// services is what the packages on top of a connection keep with it.
type services struct {
	mu   sync.Mutex
	kept map[any]any
}

// Attach returns the one value that this connection keeps under key, made by create when it is first asked for. It is
// where a service package keeps what its users share on one connection. create must not call Attach.
func (s *services) Attach(key any, create func() any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.kept[key]
	if !ok {
		v = create()
		if s.kept == nil {
			s.kept = map[any]any{}
		}
		s.kept[key] = v
	}
	return v
}
