// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// await polls until the condition holds, unless the process ends first.
func (s *server) await(parent context.Context, holds func(context.Context) bool) error {
	err := poll(parent, func(ctx context.Context) (bool, error) {
		if holds(ctx) {
			return true, nil
		}
		s.mu.Lock()
		p := s.proc
		s.mu.Unlock()
		if p.ended() {
			return false, s.endedEarly(p)
		}
		return false, nil
	})
	if err != nil && !errors.Is(err, errPortTaken) {
		log, _, _ := strings.Cut(s.Log(), "\nUsage:\n") // which follows a bad flag, at length
		err = fmt.Errorf("%s: %w\n%s", s.name, err, tail(log, 10))
	}
	return err
}

func (s *server) endedEarly(p *process) error {
	if strings.Contains(s.Log(), "address already in use") {
		return fmt.Errorf("%s: %w", s.name, errPortTaken)
	}
	return fmt.Errorf("the process has ended: %s", p.exit)
}
