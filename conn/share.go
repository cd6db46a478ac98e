// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// share is a connection that several parts of a program use under one name.
type share struct {
	name      string
	endpoints string        // as they were given first, in a form that is the same for all spellings and orders
	tls       bool          // so an endpoint without a scheme is over TLS
	opened    chan struct{} // closed when conn or err is set
	conn      *Conn
	err       error
	givenUp   bool          // the opening ended with its opener's context
	users     int           // callers that use it or wait for it
	closed    chan struct{} // closed when the connection is; nil before the last release
}

// sharing maps each shared name to its share.
var sharing = struct {
	mu    sync.Mutex
	names map[string]*share
}{names: map[string]*share{}}

// Share opens a connection as [Open] does, or joins the one that Share has opened under the same name with the same
// endpoints. It is for parts of a program that do not know of each other. Each caller calls release when it no longer
// needs the connection, and the last release closes it. A second call of the same release does nothing, and returns the
// result of the first.
//
// The order and spelling of the endpoints make no difference. They may be those of the opening, or those that the
// connection has now after [Conn.Sync] or [Conn.SetEndpoints]. The options of the opener count, and those of the others
// are only checked. An endpoint without a scheme has the one of the opening. But a caller with TLS options does not get a
// connection in the clear. While another goroutine opens the connection, Share waits. If the opening fails, all that wait
// get its error. There is one exception: if the opener's parent has ended, the next caller tries.
//
// An empty name is ErrOption. A name that is open with other endpoints or without TLS, or was opened by Open, is
// ErrAlreadyOpen. If parent ends while another goroutine opens the connection, the error is ErrUnavailable with parent's
// error. Other errors are those of Open. [Close] closes a shared connection for all who share it, and the next Share opens
// another. Share is safe for concurrent use.
func Share(parent context.Context, name string, endpoints []string, opts ...Option) (c *Conn, release func() error, err error) {
	if parent == nil {
		return nil, nil, connerr.ErrNilContext
	}
	o, err := newOptions(opts)
	_, bad := member.ParseAddresses(endpoints, o.TLS != nil)
	if name == "" {
		err = connerr.All(err, fmt.Errorf("%w: Share needs a name", ErrOption))
	}
	if err := connerr.All(err, bad); err != nil {
		return nil, nil, err
	}
	for {
		s, first, closing, err := join(name, endpoints, o.TLS != nil)
		if err != nil {
			return nil, nil, err
		}
		ready := closing
		if s != nil {
			ready = s.opened
		}
		if first {
			s.open(parent, endpoints, opts)
		}
		if !await(parent, ready) {
			if s != nil {
				_ = s.leave() // if it was the last use, nobody needs the result of the close
			}
			return nil, nil, engine.Unavailable(name, "share", tell.Ended(parent))
		}
		switch {
		case s == nil, !first && s.givenUp:
		case s.err != nil:
			return nil, nil, s.err
		case s.conn.engine.Closed(): // somebody has closed it meanwhile
			_ = s.leave()
		default:
			return s.conn, sync.OnceValue(s.leave), nil
		}
	}
}

// await waits for ready, and reports false if parent ends before.
func await(parent context.Context, ready <-chan struct{}) bool {
	select {
	case <-ready:
		return true
	case <-parent.Done():
	}
	select {
	case <-ready:
		return true
	default:
		return false
	}
}

// sameFor returns one text for equal sets of endpoints.
func sameFor(addresses []member.Address) string {
	var keys []string
	for _, a := range addresses {
		keys = append(keys, fmt.Sprint(a.Key(), " ", a.Secure))
	}
	slices.Sort(keys)
	return strings.Join(keys, ",")
}

// join joins the share of that name. If there is none, the caller is first and opens it. While the last connection of
// that name is being closed there is no share, and closing is closed at the end of that.
func join(name string, endpoints []string, tls bool) (s *share, first bool, closing <-chan struct{}, err error) {
	sharing.mu.Lock()
	defer sharing.mu.Unlock()
	s = sharing.names[name]
	switch {
	case s == nil, s.closedByName():
		addresses, err := member.ParseAddresses(endpoints, tls)
		if err != nil {
			return nil, false, nil, err
		}
		s = &share{name: name, endpoints: sameFor(addresses), tls: tls, opened: make(chan struct{}), users: 1}
		sharing.names[name] = s
		return s, true, nil, nil
	case s.closed != nil:
		return nil, false, s.closed, nil
	case !s.has(endpoints, tls):
		how := "with other endpoints"
		if tls && !s.tls {
			how += " or without TLS"
		}
		return nil, false, nil, fmt.Errorf("%w: %q, %s", ErrAlreadyOpen, name, how)
	default:
		s.users++
		return s, false, nil, nil
	}
}

// has reports whether these are the endpoints of the share: those of its opening, or those of now.
func (s *share) has(endpoints []string, tls bool) bool {
	addresses, err := member.ParseAddresses(endpoints, tls || s.tls)
	if err != nil { // such as http, where the share has TLS
		return false
	}
	same := sameFor(addresses)
	return s.endpoints == same || s.endpointsNow() == same
}

// now returns the connection, or nil while it is being opened.
func (s *share) now() *Conn {
	select {
	case <-s.opened:
		return s.conn
	default:
		return nil
	}
}

// closedByName reports whether [Close] has closed the connection. Its users still release it, but nobody can join it.
func (s *share) closedByName() bool {
	c := s.now()
	return c != nil && s.closed == nil && c.engine.Closed()
}

// endpointsNow returns the endpoints that the connection has now, or "" while it is being opened.
func (s *share) endpointsNow() string {
	c := s.now()
	if c == nil {
		return ""
	}
	return sameFor(c.engine.Addresses())
}

// open opens the connection for all callers that wait for it.
func (s *share) open(parent context.Context, endpoints []string, opts []Option) {
	s.conn, s.err = Open(parent, s.name, endpoints, opts...)
	if s.err != nil {
		s.givenUp = parent.Err() != nil
		s.forget()
	}
	close(s.opened)
}

// forget makes the name free for another share.
func (s *share) forget() {
	sharing.mu.Lock()
	defer sharing.mu.Unlock()
	if sharing.names[s.name] == s {
		delete(sharing.names, s.name)
	}
}

// leave ends one use, and closes the connection after the last one.
func (s *share) leave() error {
	sharing.mu.Lock()
	s.users--
	last := s.users == 0
	if last {
		s.closed = make(chan struct{})
	}
	sharing.mu.Unlock()
	if !last || s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.forget()
	close(s.closed)
	return err
}
