// SPDX-License-Identifier: Apache-2.0

package member

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/wait"
)

// owner is a link's view of its endpoint.
type owner interface {
	// address returns the endpoint's name.
	address() string
	// lifetime ends when the endpoint is retired.
	lifetime() context.Context
	// absence points to the time when the endpoint's last link left the rotation. The lock of the rotation guards it.
	absence() *time.Time
	// drain removes a link from the rotation because its transport takes no more calls.
	drain(*Link)
	// leaderless reports that the member of a link has no leader.
	leaderless(*Link)
	// doubt asks for a check of the endpoint now.
	doubt()
}

// Link is one term of service of a transport, from a successful check to its loss. A reconnection makes a new link,
// and what is under way on the old one may finish there. Its methods are safe for concurrent use.
type Link struct {
	*transport
	owner  owner
	config *Config

	// service ends, with its cause, when nothing more is expected of the link. A freeze of the endpoint ends it, and
	// a GOAWAY does not. Streams end with it. Unary calls go on, since a silent member may still answer.
	service context.Context
	end     context.CancelCauseFunc

	mu    sync.Mutex
	lost  error  // why it left the rotation before its service ended; nil: it did not
	terms []term // that end when the link leaves the rotation

	outside bool // dialled for one call to an address that the connection does not use

	doubtedAt atomic.Int64 // when DoubtAgain last did something, by Clock

	dead atomic.Bool // it gave no sign of life, so it left the rotation

	speed atomic.Pointer[speed] // of the attempts that Begins and Ends tell; nil before the first one: most connections make none
}

func newLink(o owner, c *Config, t *transport) *Link {
	l := &Link{transport: t, owner: o, config: c}
	l.service, l.end = context.WithCancelCause(o.lifetime())
	return l
}

// term is a context that ends when its link leaves the rotation. Only what is done in between has one, such as a check: most
// links have nothing to do, and a context with its channel and its children takes 400 bytes.
type term struct {
	context.Context
	end context.CancelCauseFunc
}

// begin returns a new term. over lets go of it.
func (l *Link) begin() (up context.Context, over func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var t term
	t.Context, t.end = context.WithCancelCause(l.owner.lifetime())
	if why := l.whyDown(); why != nil {
		t.end(why)
	}
	l.terms = append(l.terms, t)
	return t.Context, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.terms = slices.DeleteFunc(l.terms, func(other term) bool { return other.Context == t.Context })
		t.end(nil)
	}
}

// whyDown returns why the link has left the rotation, or nil if it has not. The caller holds the link's lock.
func (l *Link) whyDown() error { return cmp.Or(l.lost, l.Ended()) }

// down returns why the link has left the rotation, or nil if it has not.
func (l *Link) down() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.whyDown()
}

// lose records that the link leaves the rotation.
func (l *Link) lose(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = cmp.Or(l.whyDown(), why)
	for _, t := range l.terms {
		t.end(why)
	}
}

// retire ends the link's service, and so its time in the rotation.
func (l *Link) retire(why error) {
	l.lose(why)
	l.end(why)
}

// Address returns the endpoint's address as it was given to Open.
func (l *Link) Address() string { return l.owner.address() }

// Version returns the version of the member's server, or "" if it is unknown.
func (l *Link) Version() string { return l.vitals.Load().version }

// Fragile reports whether the member may crash when a transaction that only reads is cancelled.
func (l *Link) Fragile() bool { return l.vitals.Load().fragile }

// Service returns a context that ends when nothing more is expected of the link. Streams end with it. Ended has the reason.
func (l *Link) Service() context.Context { return l.service }

// Ended returns why nothing more is expected of the link, or nil. When the connection ends, the contexts of the link end one after
// another, and the transports of the connection are closed meanwhile. So when the calls of the link fail, its service may still last, or
// may have ended because the transport was lost. The reason is the end of the connection all the same.
func (l *Link) Ended() error {
	return cmp.Or(context.Cause(l.config.Life), context.Cause(l.owner.lifetime()), context.Cause(l.service))
}

// Outside reports whether the link was dialled for one call to an address that the connection does not use.
func (l *Link) Outside() bool { return l.outside }

// InRotation reports whether the link takes requests.
func (l *Link) InRotation() bool { return l.down() == nil }

// SameEndpoint reports whether both links lead to one endpoint. It is false for a nil link.
func (l *Link) SameEndpoint(other *Link) bool { return other != nil && l.owner == other.owner }

// Invoke makes one attempt at a unary call.
func (l *Link) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	err := l.line.Invoke(ctx, method, args, reply, opts...)
	if err == nil {
		l.answers.Add(1)
	}
	return err
}

// NewStream opens a stream.
func (l *Link) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return l.line.NewStream(ctx, desc, method, opts...)
}

// Begins records that an attempt begins at a time of Clock that shows how soon the link answers: see [Set.Leader].
func (l *Link) Begins(at time.Duration) {
	s := l.speed.Load()
	for s == nil {
		l.speed.CompareAndSwap(nil, new(speed))
		s = l.speed.Load()
	}
	s.begins(at)
}

// Ends records how such an attempt has ended.
func (l *Link) Ends(began time.Duration, how Ending) { l.speed.Load().ends(began, Clock(), how) }

// Received records that a stream has just received a message.
func (l *Link) Received() {
	l.answers.Add(1)
	l.HeardFrom(Clock())
}

// Doubt asks for a check of the endpoint now. A call on it has been silent for too long, or failed in a way that
// casts doubt on it.
func (l *Link) Doubt() { l.owner.doubt() }

// doubtPause is the least time between two checks that DoubtAgain asks for.
const doubtPause = time.Second

// DoubtAgain is Doubt for a call that goes on being silent. Many calls may do so at the same time, so it does nothing for a while after the
// last one.
func (l *Link) DoubtAgain() {
	last, now := l.doubtedAt.Load(), int64(Clock())
	if (last == 0 || now-last >= int64(doubtPause)) && l.doubtedAt.CompareAndSwap(last, now) {
		l.Doubt()
	}
}

// silentFor is how long new streams avoid an endpoint on which a stream has fallen silent.
const silentFor = time.Second

// FellSilent records that a stream is silent where it should not be, and asks for a check of the endpoint now.
func (l *Link) FellSilent() {
	l.silentAt.Store(int64(Clock()))
	l.Doubt()
}

// Silent reports whether a stream on the link has just fallen silent. The member may answer checks all the same.
func (l *Link) Silent() bool {
	at := time.Duration(l.silentAt.Load())
	return at != 0 && Clock()-at < silentFor
}

// Leaderless takes the endpoint out of service because its member refused a request for lack of a leader.
func (l *Link) Leaderless() { l.owner.leaderless(l) }

// EndStreams ends the streams on the link.
func (l *Link) EndStreams() { l.retire(ErrLost) }

// RenewToken replaces the token that the link's member refused to a request sent at asked, by Clock. It returns nil
// at once if another goroutine has replaced it.
func (l *Link) RenewToken(parent context.Context, used *Token, asked time.Duration) error {
	return l.config.Tokens.renew(parent, l.line, used, timeOf(asked))
}

// RefreshToken replaces the token within a time, if a stream was refused with it.
func (l *Link) RefreshToken(parent context.Context, within time.Duration) error {
	return l.config.Tokens.refresh(parent, l.line, within)
}

// A NAT or firewall may forget an idle connection. Both sides then believe that it lives, but nothing passes. A
// request on it is lost, and for a write the outcome is unknown. So the next call on a quiet link asks for a sign of
// life. A write waits for it, since it is not sent until then. A read does not wait, since it may be sent again.
// Without a sign of life the endpoint is redialled at once.

// Probe asks for a sign of life. Callers that ask at the same time share one question.
func (l *Link) Probe() *Probe {
	p := &Probe{over: make(chan struct{})}
	for !l.probing.CompareAndSwap(nil, p) {
		if other := l.probing.Load(); other != nil {
			return other
		}
	}
	err := l.config.Life.Go(func(context.Context) {
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

// silent asks for a sign of life. If none comes, it has the endpoint redialled and returns true.
func (l *Link) silent() bool {
	up, over := l.begin()
	defer over()
	limited, cancel := wait.WithOwnTime(up, l.config.SignOfLife, ErrSilent)
	defer cancel()
	received := l.wire.received.Load()
	_, _ = checkHealth(limited, l.line) // any answer will do
	switch {
	case up.Err() != nil:
		return true
	case limited.Err() != nil && l.wire.received.Load() == received: // otherwise a long answer is coming in
		l.dead.Store(true)
		l.owner.drain(l)
		return true
	}
	l.HeardFrom(Clock())
	return false
}

// settled is how long a link must last to count as one that works.
const settled = time.Second

// useful reports whether a link in service since then has been of use: it has lasted, or answered a call.
func (l *Link) useful(since time.Time) bool {
	return l.answers.Load() > 0 || time.Since(since) >= settled
}
