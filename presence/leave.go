// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/op"
)

// Leave deletes the key, and returns when it is gone: it revokes the lease or, with [WithSession], deletes the key. The key is
// never put again, whatever Leave returns.
//
// Where parent has no deadline, Leave ends after 5 s, or after the time of conn.WithDefaultTimeout. In an outage it returns the
// error of parent. The connection goes on until the servers have answered or it is closed, and otherwise the key is there until
// the lease runs out. Leave may be called again, to wait again. On a connection that is closed it returns conn.ErrClosed.
//
// It sends Lease/LeaseRevoke or KV/Txn.
func (p *Presence) Leave(parent context.Context) error {
	if parent == nil {
		return ctx.AlsoInvalid(nil, "presence: the parent context is nil")
	}
	p.stop(errLeaving)
	waiting, cancel := p.within(parent)
	defer cancel()
	select {
	case <-p.done:
		return p.untidy
	case <-waiting.Done():
	}
	select {
	case <-p.done:
		return p.untidy
	default:
	}
	p.mu.Lock()
	met := p.met
	p.mu.Unlock()
	if met == nil {
		return fmt.Errorf("presence: the key may be there until its lease runs out: %w", tell.Ended(waiting))
	}
	return fmt.Errorf("presence: the key may be there until its lease runs out: %w; before that: %w", tell.Ended(waiting), met)
}

// waitDone waits for the end, for as long as limit.
func (p *Presence) waitDone(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
}

var errTakenOver = errors.New("presence: another presence of the session has the key now")

// leave deletes what the presence has, and ends it.
func (p *Presence) leave(life context.Context) {
	cause := context.Cause(p.staying)
	p.mu.Lock()
	if p.stage != joining {
		p.met = nil
	}
	reason := cause
	if errors.Is(cause, errLeaving) {
		reason = nil
	}
	p.show(leaving, State{Err: reason})
	p.mu.Unlock()
	if p.watcher != nil {
		_ = p.watcher.Close()
		p.watcher = nil
	}
	tidying, cancel := context.WithCancelCause(p.values)
	defer cancel(nil)
	defer context.AfterFunc(life, func() { cancel(connerr.Closed(p.conn.Name())) })()
	if p.session == nil {
		p.finish(reason, p.revokeAll(tidying))
		return
	}
	defer p.abandon()
	defer context.AfterFunc(p.yielding, func() { cancel(errTakenOver) })()
	p.finish(reason, p.delete(tidying))
	p.lookOut(tidying)
}

// finish ends the presence.
func (p *Presence) finish(reason, untidy error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to := left
	if p.untidy = untidy; untidy != nil {
		to = ended
	}
	p.show(to, State{Err: reason})
	p.change()
	close(p.done)
}

// revokeAll revokes every lease that a key of this presence may be under, or may come to be under.
func (p *Presence) revokeAll(tidying context.Context) error {
	ids := p.loose
	if p.granted != 0 {
		ids = append(ids, p.granted)
	}
	if p.tenure != nil {
		ids = append(ids, p.tenure.id)
	}
	for _, id := range slices.Backward(ids) {
		if err := p.repeat(tidying, func() error { return p.revoke(tidying, id) }); err != nil {
			return err
		}
	}
	return nil
}

// delete deletes the key if it is under a lease of the session.
func (p *Presence) delete(tidying context.Context) error {
	for checked := false; ; checked = true {
		mine := p.seen.mod != 0 && p.ours(p.seen.lease)
		switch {
		case !mine && checked, p.tenure == nil && len(p.former) == 0:
			return nil
		case mine:
			err := p.repeat(tidying, func() error {
				return p.alter(tidying, op.Delete(ctx.Key(p.key)), func(rev int64) { p.seen = seen{at: rev} })
			})
			if err != nil {
				return err
			}
		default:
			if err := p.repeat(tidying, func() error { return p.reread(tidying) }); err != nil {
				return err
			}
		}
	}
}

// lookOut deletes a key that comes late: a creation that got no answer may still be on its way, and the lease of a session lives
// on.
func (p *Presence) lookOut(tidying context.Context) {
	if p.tenure == nil || time.Until(p.late) <= 0 {
		return
	}
	looking, cancel := context.WithDeadline(tidying, p.late)
	defer cancel()
	for looking.Err() == nil && p.tenure != nil && !p.tenure.over() {
		if p.watcher == nil && p.read(looking) != nil {
			if !p.pause.Sleep(looking) {
				return
			}
			continue
		}
		if p.delete(looking) != nil {
			return
		}
		select {
		case response, ok := <-p.watcher.Chan():
			p.told(response, ok)
		case <-p.tenure.keeper.Done():
		case <-looking.Done():
		}
	}
}

// repeat does again what may be done any number of times, until it is answered or refused.
func (p *Presence) repeat(tidying context.Context, f func() error) error {
	for {
		err := f()
		switch {
		case err == nil:
			return nil
		case tidying.Err() != nil:
			return context.Cause(tidying)
		case final(err):
			return err
		}
		p.failed(err)
		if !p.pause.Sleep(tidying) || p.conn.WaitReady(tidying) != nil {
			return context.Cause(tidying)
		}
	}
}
