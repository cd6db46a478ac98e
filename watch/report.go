// SPDX-License-Identifier: Apache-2.0

package watch

import "github.com/eetcd-go/eetcd/internal/report"

// watchesOf returns what reports tell about the watches of a stream.
func watchesOf(s *shared) []report.Watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]report.Watch, 0, s.staying)
	for w := range s.watches {
		if w.probe || w.at.stage.over() {
			continue
		}
		at := s.status(w)
		all = append(all, report.Watch{
			ID: w.at.id, Keys: report.RangeOf(w.request.Key, w.request.RangeEnd),
			InStep: at.InStep, Since: at.Since, Err: at.Err, Endpoint: at.Endpoint, Parked: at.Parked,
			Waiting: w.buffer.waiting(), Buffer: w.buffer.limit, Rev: at.Rev, Read: w.rev.Load(),
		})
	}
	return all
}
