// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// setting is a value that the key is to have.
type setting struct {
	number    int
	value     string
	abandoned bool          // nobody waits for it; it counts only as long as it is the newest
	settled   chan struct{} // closed when the servers have it, or a newer one, or have refused it
	err       error         // why they refuse it; set before
}

// Set gives the key another value, and returns when the servers have it. The newest value wins: where Set is called several
// times at once, only the last value may ever be seen. While the key is absent, Set waits until it is back.
//
// Where parent has no deadline, Set ends after 5 s, or after the time of conn.WithDefaultTimeout. A Set that ran out of time
// still counts: its value is the newest one, and the key gets it once it can be put. A Set that the servers refuse, as for a
// value that is too large, returns their error and changes nothing. After the end of the presence Set returns [ErrLeft].
//
// It sends KV/Txn.
func (p *Presence) Set(parent context.Context, value string) error {
	if parent == nil {
		return ctx.AlsoInvalid(nil, "presence: the parent context is nil")
	}
	if parent.Err() != nil {
		return fmt.Errorf("presence: %w", tell.Ended(parent))
	}
	s, err := p.want(value)
	if err != nil {
		return err
	}
	waiting, cancel := p.within(parent)
	defer cancel()
	return p.await(waiting, s)
}

// within is parent with the default time where it has no deadline.
func (p *Presence) within(parent context.Context) (context.Context, context.CancelFunc) {
	if _, given := parent.Deadline(); given {
		return context.WithCancel(parent)
	}
	return context.WithTimeout(parent, p.conn.DefaultTimeout())
}

// want makes a value the newest one.
func (p *Presence) want(value string) (*setting, error) {
	if p.staying.Err() != nil {
		return nil, p.over()
	}
	p.mu.Lock()
	p.sets++
	s := &setting{number: p.sets, value: value, settled: make(chan struct{})}
	p.wanted = append(slices.DeleteFunc(p.wanted, func(s *setting) bool { return s.abandoned }), s)
	p.mu.Unlock()
	p.signal()
	return s, nil
}

// over is the error of a call that comes too late.
func (p *Presence) over() error {
	if cause := context.Cause(p.staying); !errors.Is(cause, errLeaving) {
		return fmt.Errorf("%w: %w", ErrLeft, cause)
	}
	return ErrLeft
}

// await waits until the servers have a value.
func (p *Presence) await(waiting context.Context, s *setting) error {
	select {
	case <-s.settled:
		return s.err
	case <-p.staying.Done():
	case <-waiting.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-s.settled:
		return s.err
	default:
	}
	s.abandoned = true
	reason := tell.Ended(waiting)
	if p.staying.Err() != nil {
		if s.number > 1 {
			return p.over()
		}
		reason = context.Cause(p.staying)
	}
	met := p.met
	if p.stage == absent {
		met = p.shown.Err
	}
	if met != nil && !errors.Is(reason, met) {
		return fmt.Errorf("presence: %w; before that: %w", reason, met)
	}
	return fmt.Errorf("presence: %w", reason)
}

// newest is the value that the key is to have.
func (p *Presence) newest() *setting {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.wanted); n > 0 {
		return p.wanted[n-1]
	}
	return p.stored
}

// settle notes that the servers have a value, and so need none of the older ones.
func (p *Presence) settle(stored *setting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stored, p.met = stored, nil
	p.wanted = slices.DeleteFunc(p.wanted, func(s *setting) bool {
		if s.number > stored.number {
			return false
		}
		close(s.settled)
		return true
	})
}

// refuse notes that the servers refuse a value for good. The one before it counts again. It reports false where there is none.
func (p *Presence) refuse(refused *setting, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stored == nil || refused == p.stored {
		return false
	}
	p.wanted = slices.DeleteFunc(p.wanted, func(s *setting) bool { return s == refused })
	refused.err = err
	close(refused.settled)
	return true
}

func (p *Presence) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
