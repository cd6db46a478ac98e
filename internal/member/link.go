// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/wait"
)

// ErrLost is why a link leaves service whose connection breaks or is retired.
var ErrLost = errors.New("connection lost")

// owner is what a link knows of its endpoint.
type owner interface {
	// address is the endpoint's name.
	address() string
	// lifetime ends when the endpoint is retired.
	lifetime() context.Context
	// absence is since when the endpoint has had no link in the rotation, whose lock guards it.
	absence() *time.Time
	// drain takes a link out of the rotation whose transport takes no more calls.
	drain(*Link)
	// leaderless is told that the member of a link has no leader.
	leaderless(*Link)
	// doubt has the endpoint verified now.
	doubt()
}

// Link is one term of service of a transport, from a successful check to the loss of it. A reconnection makes a new
// link; what is still under way on the old one may end there. Its methods are safe for concurrent use.
type Link struct {
	*transport
	owner  owner
	config *Config

	// up ends when the link leaves the rotation, for whatever reason.
	up   context.Context
	lose context.CancelCauseFunc

	// service ends, with its cause, when nothing more is expected of the link: when its endpoint freezes, but not when the
	// server merely retires the transport. Streams end with it; unary calls do not, since a silent member may yet answer.
	service context.Context
	retire  context.CancelCauseFunc

	outside bool // dialled for one call, to what is not one of the connection's endpoints in use

	dead atomic.Bool // it gave no sign of life, so it left the rotation
}

func newLink(o owner, c *Config, t *transport) *Link {
	l := &Link{transport: t, owner: o, config: c}
	l.service, l.retire = context.WithCancelCause(o.lifetime())
	l.up, l.lose = context.WithCancelCause(l.service)
	return l
}

// Address is the endpoint's address as it was given to Open.
func (l *Link) Address() string { return l.owner.address() }

// Version is the version of the member's server, "" where that is unknown.
func (l *Link) Version() string { return l.vitals.Load().version }

// Service is a context that ends, with the cause, when nothing more is expected of the link. Streams end with it.
func (l *Link) Service() context.Context { return l.service }

// Outside reports whether the link was dialled for one call, to what is not one of the connection's endpoints in use.
func (l *Link) Outside() bool { return l.outside }

// InRotation reports whether the link takes requests.
func (l *Link) InRotation() bool { return l.up.Err() == nil }

// SameEndpoint reports whether both links lead to one endpoint. A nil link leads to none.
func (l *Link) SameEndpoint(other *Link) bool { return other != nil && l.owner == other.owner }

// Invoke makes one attempt at a unary call.
func (l *Link) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	err := l.cc.Invoke(ctx, method, args, reply, opts...)
	if err == nil {
		l.answers.Add(1)
	}
	return err
}

// NewStream opens a stream.
func (l *Link) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return l.cc.NewStream(ctx, desc, method, opts...)
}

// Received notes that a stream has received a message just now.
func (l *Link) Received() {
	l.answers.Add(1)
	l.HeardFrom(Clock())
}

// Doubt has the endpoint verified now: a call on it has been silent for suspiciously long, or failed in a way that casts
// doubt on it.
func (l *Link) Doubt() { l.owner.doubt() }

// Leaderless takes the endpoint out of service, because its member has refused a request for want of a leader.
func (l *Link) Leaderless() { l.owner.leaderless(l) }

// EndStreams ends the streams on the link.
func (l *Link) EndStreams() { l.retire(ErrLost) }

// RenewToken gets another token than the one used, from the member of the link, which refused that to a request sent at that
// time by Clock. It returns nil at once where somebody else has got one.
func (l *Link) RenewToken(parent context.Context, used *Token, asked time.Duration) error {
	return l.config.Tokens.renew(parent, l.cc, used, timeOf(asked))
}

// RefreshToken gets another token, within a time, if the last one was refused to a stream.
func (l *Link) RefreshToken(parent context.Context, within time.Duration) error {
	return l.config.Tokens.refresh(parent, l.cc, within)
}

// A NAT or a firewall may forget a connection that carries nothing. It then seems to live on both sides, but nothing
// passes any more: a request on it is lost, and for a write nobody can tell. So a link that has been quiet for a while is
// asked for a sign of life with the next call. A write waits for that, since until then it is not sent. A read does not,
// since it may be sent again. Where none comes, the endpoint is redialled at once.

// Probe asks for a sign of life. One question serves all who ask meanwhile.
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

// silent asks for a sign of life, has the endpoint redialled where there is none, and reports that.
func (l *Link) silent() bool {
	limited, cancel := wait.WithOwnTime(l.up, l.config.SignOfLife, ErrSilent)
	defer cancel()
	received := l.wire.received.Load()
	_ = checkHealth(limited, l.cc) // any answer will do
	switch {
	case l.up.Err() != nil:
		return true
	case limited.Err() != nil && l.wire.received.Load() == received: // else an answer comes in, and is long
		l.dead.Store(true)
		l.owner.drain(l)
		return true
	}
	l.HeardFrom(Clock())
	return false
}

// settled is how long a link must have lasted to count as one that works.
const settled = time.Second

// useful reports whether a link that went into service at since has been of use: it has lasted, or answered a call.
func (l *Link) useful(since time.Time) bool {
	return l.answers.Load() > 0 || time.Since(since) >= settled
}
