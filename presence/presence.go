// SPDX-License-Identifier: Apache-2.0

// Package presence announces a process by a key that comes back: as long as the process runs and the cluster can be reached,
// the key is there.
//
//	p, err := presence.Keep(ctx, presence.New("registry").WithKey("services/billing/a").WithValue("10.0.0.1:80"), 10*time.Second)
//	if err != nil {
//		return err
//	}
//	err = serve(ctx)                                        // the key is there meanwhile
//	return errors.Join(err, p.Leave(context.Background()))  // and gone now
//
// The key lives under a lease. Where the lease is lost, as in an outage that is longer than its TTL, a presence takes another
// lease and puts the key again, without limit. It does so too where somebody else deletes the key or overwrites it without a
// lease. It leaves a key under the lease of somebody else alone, and puts its own when that is gone. After [Presence.Leave] it
// never puts the key again.
//
// The presences of a connection share its streams. A presence costs two goroutines. When many return at once, as after an
// outage, each connection sends at most 200 requests a second for that.
//
// A user needs permission to read and write the key. All functions are safe for concurrent use.
package presence

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
	"github.com/eetcd-go/eetcd/watch"
)

// Request is what the functions of this package take: an immutable value that [New] begins and its With methods refine. It is
// the same type in every package of the SDK, so a request may be handed from one to another.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Presence is a key that comes back. Its methods are safe for concurrent use.
type Presence struct {
	conn    *engine.Conn
	to      ctx.Ctx // where requests go
	key     string
	ttl     time.Duration
	session *Presence // whose lease it shares; nil with a lease of its own
	returns bool

	values  context.Context         // of the parent context; without its end
	staying context.Context         // ends when the presence has to end; its cause is why
	stop    context.CancelCauseFunc // ends staying
	wake    chan struct{}           // holds a signal for the owner
	done    chan struct{}           // closed when the key is gone, or given up
	gone    chan struct{}           // closed when the owner has returned

	yielding context.Context // ends when the next presence for the key in the session takes over
	takeOver context.CancelFunc

	mu      sync.Mutex
	shown   State
	shows   int // changes of it so far
	stage   stage
	changed chan struct{}        // closed when shown or tenure changes
	wanted  []*setting           // values that the servers do not have yet; the last one is the newest
	stored  *setting             // the value that the servers had last; nil before the first one
	sets    int                  // settings so far
	tenure  *tenure              // the lease; nil without one. Only the owner changes it
	met     error                // what the last attempt met
	untidy  error                // why the key may still be there; set before done is closed
	lodgers map[string]*Presence // those that share the lease, by key

	// What follows is the owner's.
	seen      seen
	watcher   *watch.Watcher // nil where the key is to be read again
	former    []int64        // leases that the presence has had
	granted   int64          // a lease that is not kept alive yet
	loose     []int64        // leases that are to be revoked once there is time
	sweepAt   time.Time      // when the next one is
	late      time.Time      // until when a creation that got no answer may come
	returning bool           // the next requests have to wait for their turn
	back      time.Time      // since when the key has been there
	pause     wait.Pause
	limit     time.Duration // of the next attempt
	before    *Presence     // whose place it takes in the session
}

// Keep puts the key of WithKey, with the value of WithValue, under a lease of ttl, and keeps it there. It returns when the key
// is there. The presence stays until [Presence.Leave] or the end of parent. The end of parent leaves in the background.
//
// Keep waits as long as it takes: parent and WithTimeout bound the wait, and the error tells what Keep waited for. It waits
// through an outage. It also waits while the key exists under another lease: a predecessor that crashed leaves its key until
// its TTL has passed. If the time runs out then, the error wraps [ErrHeld]. A rejection such as etcderr.ErrPermissionDenied
// ends the wait. A Keep that fails leaves nothing behind: it cleans up for up to half a second, and in an outage the
// connection continues.
//
// The ttl is that of lease.Grant: whole seconds, rounded up, at least some 2 s; one below 1 ms is kv.ErrInvalid. With
// [WithSession] it must be 0. Keep sends KV/Range, KV/Txn, Lease/LeaseGrant, LeaseKeepAlive and LeaseRevoke, and Watch/Watch.
func Keep(parent context.Context, c Request, ttl time.Duration, opts ...Option) (*Presence, error) {
	o := options{returns: true}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if err := check(parent, c, ttl, o); err != nil {
		return nil, err
	}
	to, err := engine.Lookup(c.Conn())
	if err != nil {
		return nil, err
	}
	if o.session != nil && o.session.conn != to {
		return nil, ctx.AlsoInvalid(nil, "presence: the session of WithSession is on another connection")
	}
	if parent.Err() != nil {
		return nil, fmt.Errorf("presence: %w", tell.Ended(parent))
	}
	p := newPresence(parent, to, c, ttl, o)
	if err := p.lodge(); err != nil {
		return nil, err
	}
	first, err := p.want(c.Value())
	if err != nil {
		return nil, err
	}
	unbind := context.AfterFunc(parent, func() { p.stop(tell.Ended(parent)) })
	if err := to.Go(func(life context.Context) { defer unbind(); p.run(life) }); err != nil {
		p.abandon()
		unbind()
		return nil, err
	}
	waiting, cancel := bounded(parent, c)
	defer cancel()
	if err := p.await(waiting, first); err != nil {
		p.stop(errLeaving)
		p.waitDone(tidyTime)
		return nil, err
	}
	return p, nil
}

// tidyTime is how long a Keep that fails waits for its clean-up.
const tidyTime = 500 * time.Millisecond

func check(parent context.Context, c Request, ttl time.Duration, o options) error {
	err := c.Check("a presence.Keep request", ctx.OptKey|ctx.OptValue)
	if c.Key() == "" {
		err = ctx.AlsoInvalid(err, "presence: a presence needs WithKey")
	}
	if endpoint, given := c.Endpoint(); given {
		err = ctx.AlsoInvalid(err, fmt.Sprintf("presence: WithEndpoint(%q) does not apply, a presence uses every endpoint", tell.Endpoint(endpoint)))
	}
	if parent == nil {
		err = ctx.AlsoInvalid(err, "presence: the parent context is nil")
	}
	switch {
	case !o.shares:
		return leasettl.Check(err, "presence", ttl)
	case o.session == nil:
		err = ctx.AlsoInvalid(err, "presence: the session of WithSession is nil")
	case ttl != 0:
		err = ctx.AlsoInvalid(err, fmt.Sprintf("presence: the ttl is %v, and with WithSession it is 0: the lease is that of the session", ttl))
	}
	return err
}

func newPresence(parent context.Context, to *engine.Conn, c Request, ttl time.Duration, o options) *Presence {
	p := &Presence{
		conn: to, to: ctx.New(c.Conn()), key: c.Key(), ttl: ttl, returns: o.returns,
		values: context.WithoutCancel(parent),
		wake:   make(chan struct{}, 1), done: make(chan struct{}), gone: make(chan struct{}),
		changed: make(chan struct{}), shown: State{Since: time.Now()}, limit: attemptMin,
	}
	if o.session != nil {
		p.session = o.session.root()
	}
	p.staying, p.stop = context.WithCancelCause(p.values)
	p.yielding, p.takeOver = context.WithCancel(context.Background())
	return p
}

func bounded(parent context.Context, c Request) (context.Context, context.CancelFunc) {
	if timeout, given := c.Timeout(); given {
		return context.WithTimeout(parent, timeout)
	}
	return context.WithCancel(parent)
}
