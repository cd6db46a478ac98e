// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"sync"

	"github.com/eetcd-go/eetcd/internal/report"
)

// services holds what service packages keep on a connection.
type services struct {
	mu   sync.Mutex
	kept []service // few, so a map would only take more memory
}

// service is a value that a service package keeps.
type service struct{ key, value any }

// Attach returns the one value that this connection keeps under key. create makes it on the first call, and must not
// call Attach. Service packages use it for what their users share on one connection.
func (s *services) Attach(key any, create func() any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kept := range s.kept {
		if kept.key == key {
			return kept.value
		}
	}
	v := create()
	s.kept = append(s.kept, service{key, v})
	return v
}

// Reporter is a value of Attach that tells about itself. Package report says how.
type Reporter interface {
	Report(to *report.Services)
}

// Report returns what service packages have on the connection at present. It never blocks.
func (s *services) Report() report.Services {
	var all report.Services
	s.mu.Lock()
	kept := s.kept // values are only appended
	s.mu.Unlock()
	for _, of := range kept {
		if r, ok := of.value.(Reporter); ok {
			r.Report(&all)
		}
	}
	all.Settle()
	return all
}
