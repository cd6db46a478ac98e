// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"fmt"

	"github.com/eetcd-go/eetcd/ctx"
)

// root is the presence whose lease a session shares.
func (p *Presence) root() *Presence {
	if p.session != nil {
		return p.session
	}
	return p
}

// lent returns the lease of a session, or the reason why there is none, and a channel that is closed when that changes.
func (p *Presence) lent() (*tenure, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tenure == nil || p.tenure.over() {
		if p.shown.Err == nil {
			return nil, p.changed, ErrSession
		}
		return nil, p.changed, fmt.Errorf("%w: %w", ErrSession, p.shown.Err)
	}
	return p.tenure, nil, nil
}

func sessionEnded(s *Presence) error {
	return fmt.Errorf("%w: %w", ErrSession, s.over())
}

// lodgeAnew takes the lease of the session, and waits for one where there is none.
func (p *Presence) lodgeAnew() error {
	t, changed, err := p.session.lent()
	if err != nil {
		p.failed(err)
		p.idle(changed)
		p.returning = true
		return nil
	}
	p.begin(t)
	return nil
}

// lodge enters a presence in its session. A session has each key once, but one that is leaving makes room for the next one.
func (p *Presence) lodge() error {
	s := p.session
	if s == nil {
		return nil
	}
	if s.staying.Err() != nil {
		return fmt.Errorf("presence: %w", sessionEnded(s))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.lodgers[p.key]
	if p.key == s.key || before != nil && before.staying.Err() == nil {
		return ctx.AlsoInvalid(nil, fmt.Sprintf("presence: the session of WithSession keeps the key %q already", p.key))
	}
	p.before = before
	if s.lodgers == nil {
		s.lodgers = map[string]*Presence{}
	}
	s.lodgers[p.key] = p
	return nil
}

// inherit takes over from the presence that had the key in the session before: what it has yet to delete is this one's now.
func (p *Presence) inherit(life context.Context) {
	b := p.before
	if b == nil {
		return
	}
	p.before = nil
	b.takeOver()
	select {
	case <-b.gone:
	case <-life.Done():
		return
	}
	p.late, p.former = b.late, b.former
	if b.tenure != nil {
		p.former = append(p.former, b.tenure.id)
	}
}

// abandon takes a presence out of its session that has never run, or has ended.
func (p *Presence) abandon() {
	s := p.session
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lodgers[p.key] == p {
		delete(s.lodgers, p.key)
	}
}
