// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/op"
)

var errTakenOver = errors.New("presence: another presence of the session has the key now")

// leaver deletes what a presence has. It puts nothing.
type leaver struct {
	*owner
	tidying context.Context // ends with the connection, or when another presence takes over; its cause is why
}

// leave deletes what the presence has, and ends it.
func leave(life context.Context, o *owner) {
	o.asker.hurry() // nobody is to wait for a leave behind all that return
	reason := context.Cause(o.staying)
	if errors.Is(reason, errLeaving) {
		reason = nil
	}
	o.view.leaves(reason)
	if o.key.watcher != nil {
		_ = o.key.watcher.Close()
		o.key.watcher = nil
	}
	tidying, cancel := context.WithCancelCause(o.base)
	defer cancel(nil)
	defer context.AfterFunc(life, func() { cancel(connerr.Closed(o.conn.Name())) })()
	l := &leaver{owner: o, tidying: tidying}
	if o.lodger == nil {
		o.view.ends(reason, l.revokeAll())
		l.sweepLate()
		return
	}
	defer context.AfterFunc(o.lodger.yielding, func() { cancel(errTakenOver) })()
	o.view.ends(reason, l.delete(tidying))
	l.lookOut()
}

// revokeAll revokes every lease that a key of this presence may be under, or may come to be under. It returns the first refusal.
// What is loose then may come late.
func (l *leaver) revokeAll() error {
	all := l.leases.loose
	if l.leases.granted != 0 {
		all = append(all, loose{id: l.leases.granted})
	}
	if l.tenure != nil {
		all = append(all, loose{id: l.tenure.id})
	}
	l.leases.loose = nil
	var refused error
	for _, left := range slices.Backward(all) {
		err := l.repeat(l.tidying, func() error { return l.leases.revoke(l.tidying, left.id) })
		switch {
		case left.gone(err):
		case errors.Is(err, etcderr.ErrLeaseNotFound):
			l.leases.discard(left)
		case refused == nil:
			refused = err
		}
		if l.tidying.Err() != nil {
			break
		}
	}
	return refused
}

// sweepLate revokes leases that come late: a grant that got no answer may still be on its way.
func (l *leaver) sweepLate() {
	var rest wait.Pause
	for len(l.leases.loose) > 0 && rest.Sleep(l.tidying) {
		_ = l.revokeAll()
	}
}

// delete deletes the key if it is under a lease of the session.
func (l *leaver) delete(tidying context.Context) error {
	for checked := false; ; checked = true {
		mine := l.key.seen.mod != 0 && l.key.ours(l.key.seen.lease)
		switch {
		case !mine && checked, len(l.key.own) == 0:
			return nil
		case mine:
			err := l.repeat(tidying, func() error {
				return l.key.alter(tidying, op.Delete(ctx.Key(l.key.name)), func(rev int64) { l.key.seen = seen{at: rev} })
			})
			if err != nil {
				return err
			}
		default:
			if err := l.repeat(tidying, func() error { return l.key.reread(tidying) }); err != nil {
				return err
			}
		}
	}
}

// lookOut deletes a key that comes late: a creation that got no answer may still be on its way, and the lease of a session lives
// on.
func (l *leaver) lookOut() {
	if l.tenure == nil { // one that never got as far may have taken over from one that did
		l.tenure, _, _ = l.session.view.lent()
	}
	if l.tenure == nil || time.Until(l.key.late) <= 0 {
		return
	}
	looking, cancel := context.WithDeadline(l.tidying, l.key.late)
	defer cancel()
	for looking.Err() == nil && l.tenure != nil && !l.tenure.over() {
		if l.key.watcher == nil && l.key.read(looking) != nil {
			if !l.pause.Sleep(looking) {
				return
			}
			continue
		}
		if l.delete(looking) != nil {
			return
		}
		select {
		case response, ok := <-l.key.watcher.Chan():
			l.told(response, ok)
		case <-l.tenure.keeper.Done():
		case <-looking.Done():
		}
	}
}

// repeat does again what may be done any number of times, until it is answered or refused.
func (l *leaver) repeat(tidying context.Context, f func() error) error {
	for {
		err := f()
		switch {
		case err == nil:
			return nil
		case tidying.Err() != nil:
			return context.Cause(tidying)
		case final(err), errors.Is(err, etcderr.ErrLeaseNotFound):
			return err
		}
		l.view.failed(err)
		if !l.pause.Sleep(tidying) || l.conn.WaitReady(tidying) != nil {
			return context.Cause(tidying)
		}
	}
}
