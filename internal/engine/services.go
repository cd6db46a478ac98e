// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"maps"
	"slices"
	"sync"

	"github.com/eetcd-go/eetcd/internal/report"
)

// services holds what service packages keep on a connection.
type services struct {
	mu   sync.Mutex
	kept map[any]any
}

// Attach returns the one value that this connection keeps under key. create makes it on the first call, and must not
// call Attach. Service packages use it for what their users share on one connection.
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

// Reporter is a value of Attach that tells about itself. Package report says how.
type Reporter interface {
	Report(to *report.Services)
}

// Report returns what service packages have on the connection at present. It never blocks.
func (s *services) Report() report.Services {
	var all report.Services
	s.mu.Lock()
	kept := slices.Collect(maps.Values(s.kept))
	s.mu.Unlock()
	for _, v := range kept {
		if r, ok := v.(Reporter); ok {
			r.Report(&all)
		}
	}
	all.Settle()
	return all
}
