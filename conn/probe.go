// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"time"
)

// A NAT or a firewall may forget a connection that carries nothing. It then seems to live on both sides, but nothing
// passes any more: a request on it is lost, and for a write nobody can tell. So a link that has been quiet for a while is
// asked for a sign of life with the next call. A write waits for that, since until then it is not sent. A read does not,
// since it may be sent again. Where none comes, the endpoint is redialled at once.

// quietAfter is how long after the member's last answer a link counts as quiet.
const quietAfter = 5 * time.Second

var errSilent = errors.New("the connection has been quiet, and gives no sign of life")

var epoch = time.Now()

// clock is a monotonic time for what is compared at every call.
func clock() time.Duration { return time.Since(epoch) }

// heardFrom notes that the member has answered since then.
func (t *transport) heardFrom(at time.Duration) { t.heard.Store(int64(at)) }

// quiet reports whether the member has not answered for long.
func (t *transport) quiet(now time.Duration) bool {
	return now-time.Duration(t.heard.Load()) > quietAfter
}

// probe is a question for a sign of life.
type probe struct {
	over   chan struct{} // closed when it is answered, or was not within the hedge delay
	silent bool          // the result, once over
}

// probe asks for a sign of life. One question serves all who ask meanwhile.
func (l *link) probe() *probe {
	p := &probe{over: make(chan struct{})}
	for !l.probing.CompareAndSwap(nil, p) {
		if other := l.probing.Load(); other != nil {
			return other
		}
	}
	err := l.ep.conn.Go(func(context.Context) {
		p.silent = l.silent()
		l.probing.Store(nil)
		close(p.over)
	})
	if err != nil { // the connection is closing
		l.probing.Store(nil)
		close(p.over)
	}
	return p
}

// silent asks for a sign of life, has the endpoint redialled where there is none, and reports that.
func (l *link) silent() bool {
	limited, cancel := withOwnTime(l.up, l.ep.conn.opts.hedgeDelay, errSilent)
	defer cancel()
	received := l.wire.received.Load()
	_ = checkHealth(limited, l.cc) // any answer will do
	switch {
	case l.up.Err() != nil:
		return true
	case limited.Err() != nil && l.wire.received.Load() == received: // else an answer comes in, and is long
		l.dead.Store(true)
		l.ep.drain(l)
		return true
	}
	l.heardFrom(clock())
	return false
}

// alive reports whether an attempt may go out on its link, which it may not where a write finds that silent.
func (u *unary) alive(l *link) bool {
	u.began = clock()
	if !l.quiet(u.began) {
		return true
	}
	p := l.probe()
	return u.traits&read != 0 || p.wait(u.ctx, u.deadline)
}

// wait waits for a sign of life, and reports whether there was one.
func (p *probe) wait(parent context.Context, deadline time.Time) bool {
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		parent, cancel = context.WithDeadline(parent, deadline)
		defer cancel()
	}
	select {
	case <-p.over:
		return !p.silent
	case <-parent.Done():
		return false
	}
}

// pickAlive acquires a link for a stream, one that is not quiet or gives a sign of life.
func (c *Conn) pickAlive(w wanted) (*link, error) {
	var last error
	for {
		l, err := c.pick(w, nil, last)
		if err != nil || !l.quiet(clock()) || l.probe().wait(w.parent, w.deadline) || l.up.Err() == nil {
			return l, err
		}
		l.release()
		last = errSilent
	}
}
