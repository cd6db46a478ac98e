// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/watch"
)

// owner brings the key of a presence to where it should be. One goroutine owns it, from the first request to the last.
type owner struct {
	*Presence
	asker   *asker
	key     key
	leases  leases
	tenure  *tenure // the lease; nil without one
	lodger  *lodger // in the session; nil without one
	returns bool

	returning bool      // the next requests have to wait for their turn
	back      time.Time // since when the key has been there
	pause     wait.Pause
}

func newOwner(p *Presence, to ctx.Ctx, ttl time.Duration, returns bool) *owner {
	ask := &asker{conn: p.conn, limit: attemptMin}
	o := &owner{
		Presence: p, asker: ask, returns: returns,
		key:    key{asker: ask, to: to, name: p.name},
		leases: leases{asker: ask, to: to, ttl: ttl},
	}
	if p.session != nil {
		o.lodger = newLodger(p.name, p.staying)
	}
	return o
}

// attend owns the key until the presence has to end.
func (o *owner) attend(life context.Context) {
	defer context.AfterFunc(life, func() { o.stop(connerr.Closed(o.conn.Name())) })()
	if o.session != nil {
		defer context.AfterFunc(o.session.staying, func() { o.stop(o.session.ended()) })()
	}
	if o.lodger != nil {
		o.key.own, o.key.late = o.lodger.inherit(life)
	}
	for o.staying.Err() == nil {
		if err := o.round(); err != nil && o.staying.Err() == nil {
			o.trouble(err)
		}
	}
}

// quit ends what the owner has in its session.
func (o *owner) quit() {
	if o.lodger == nil {
		return
	}
	o.lodger.own, o.lodger.late = o.key.own, o.key.late
	o.session.lodgers.exit(o.lodger)
	close(o.lodger.gone)
}

// round does the next thing that brings the key to where it should be, or waits where there is none.
func (o *owner) round() error {
	o.notice()
	switch {
	case o.staying.Err() != nil:
		return nil
	case o.returning:
		o.returning = false
		o.gather()
		return nil
	case o.key.watcher == nil:
		err := o.key.read(o.staying)
		o.saw()
		return err
	case o.key.foreign():
		o.lost(ErrHeld)
		o.idle(nil)
		o.returning = !o.key.foreign() // then it is this one's turn
		return nil
	case o.tenure == nil:
		return o.take()
	}
	newest := o.values.newest()
	if o.key.seen.lease != o.tenure.id || o.key.seen.value != newest.value {
		return o.put(newest)
	}
	if o.view.there(o.key.seen.mod) && o.back.IsZero() {
		o.back = time.Now()
	}
	o.asker.hurry()
	o.view.answered()
	o.values.settle(newest)
	o.idle(nil)
	return nil
}

// trouble decides what to do about a round that failed.
func (o *owner) trouble(err error) {
	o.view.failed(err)
	switch {
	case errors.Is(err, connerr.ErrClosed), o.view.at() == joining && final(err):
		o.stop(err)
	default:
		o.returning = true
	}
}

// take gets a lease: one of its own, or that of the session, for which it waits.
func (o *owner) take() error {
	if o.session == nil {
		t, err := o.leases.take(o.staying)
		if err == nil {
			o.begin(t)
		}
		return err
	}
	t, changed, err := o.session.view.lent()
	if err != nil {
		o.view.failed(err)
		o.idle(changed)
		o.returning = true
		return nil
	}
	o.begin(t)
	return nil
}

// begin notes that there is a lease, or with nil that there is none.
func (o *owner) begin(t *tenure) {
	if o.tenure = t; t != nil {
		o.key.under(t.id)
	}
	o.view.begin(t)
}

// drop gives up a lease that is lost, or cannot be relied on.
func (o *owner) drop(reason error) {
	o.lost(reason)
	t := o.tenure
	if t == nil {
		return
	}
	if o.session == nil {
		_ = t.keeper.Close()
		if !errors.Is(reason, etcderr.ErrLeaseNotFound) {
			o.leases.discard(loose{id: t.id}) // the server may have it yet, and a put under it may be on its way
		}
	}
	o.begin(nil)
}

// put puts the key with a value.
func (o *owner) put(newest *setting) error {
	within, cancel := o.valid()
	defer cancel()
	err := o.key.put(within, newest.value, o.tenure.id)
	o.saw()
	switch {
	case errors.Is(err, etcderr.ErrLeaseNotFound):
		o.drop(err)
		return nil
	case err != nil && final(err) && o.values.refuse(newest, err):
		return nil
	}
	return err
}

// told takes what the watch tells, or that it has ended.
func (o *owner) told(response *pb.WatchResponse, ok bool) {
	if ok {
		o.key.told(response)
		o.saw()
		return
	}
	err := o.key.unwatch()
	var rewound *watch.RewoundError
	if errors.As(err, &rewound) {
		o.drop(err)
	}
	o.returning = true
}

// saw notes if what was seen of the key is a loss.
func (o *owner) saw() {
	switch {
	case o.view.at() != present:
	case o.key.seen.mod == 0:
		o.lost(ErrDeleted)
	case o.key.seen.lease == 0:
		o.lost(ErrOverwritten)
	case o.key.foreign():
		o.lost(ErrHeld)
	}
}

// settled is for how long a key has to have been there for the next pause to be the shortest.
const settled = 10 * time.Second

// lost notes why the key is not there. With WithoutReturn that is the end.
func (o *owner) lost(reason error) {
	o.returning = true
	if !o.back.IsZero() && time.Since(o.back) >= settled {
		o.pause.Reset()
	}
	o.back = time.Time{}
	shown, joins := o.view.lost(reason)
	if !joins && !o.returns {
		o.stop(shown)
	}
}

// jitter spreads the returns of many processes when a cluster is back.
const jitter = 500 * time.Millisecond

// gather waits until requests may be sent: for an endpoint, and for a pause. Then each request waits for its turn among those of the
// connection. A key that is there is not left alone for longer than its lease is known to be valid.
func (o *owner) gather() {
	waiting, cancel := o.valid()
	defer cancel()
	o.asker.queueUp()
	if len(o.conn.Active()) == 0 {
		o.view.failed(connerr.ErrUnavailable)
		if o.conn.WaitReady(waiting) != nil || !wait.For(waiting, rand.N(jitter)) {
			return
		}
		o.pause.Reset()
		o.asker.limit = attemptMin
	} else if !o.pause.Sleep(waiting) {
		return
	}
}

// valid is staying, but not for longer than a key that is there is known to be so.
func (o *owner) valid() (context.Context, context.CancelFunc) {
	if o.view.at() == present {
		return context.WithDeadline(o.staying, o.tenure.keeper.ValidUntil())
	}
	return context.WithCancel(o.staying)
}

// notice takes what has happened since the last round.
func (o *owner) notice() {
	for o.key.watcher != nil {
		select {
		case response, ok := <-o.key.watcher.Chan():
			o.told(response, ok)
			continue
		default:
		}
		break
	}
	if o.tenure != nil && o.tenure.over() {
		o.drop(o.tenure.reason())
	}
}

// idle waits for what may be a reason to do something. more is nil or one more such thing.
func (o *owner) idle(more <-chan struct{}) {
	var ended <-chan struct{}
	if o.tenure != nil {
		ended = o.tenure.keeper.Done()
	}
	var sweep <-chan struct{}
	if !o.back.IsZero() {
		due, leave := o.leases.sweeping()
		defer leave()
		sweep = due
	}
	select {
	case response, ok := <-o.key.watcher.Chan():
		o.told(response, ok)
	case <-o.values.wake:
	case <-ended:
	case <-more:
	case <-sweep:
		within, cancel := o.valid()
		defer cancel()
		o.leases.sweep(within)
	case <-o.staying.Done():
	}
}
