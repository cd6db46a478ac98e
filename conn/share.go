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
	opened    chan struct{} // closed when conn or err is set
	conn      *Conn
	err       error
	givenUp   bool          // the opening ended with its opener's context
	users     int           // those who have it or wait for it
	closed    chan struct{} // closed when the connection is; nil before the last release
}

// sharing is which names are shared.
var sharing = struct {
	mu    sync.Mutex
	names map[string]*share
}{names: map[string]*share{}}

// Share opens a connection as [Open] does, or joins one that Share has opened before, or is opening, under the same name
// with the same endpoints, in any order and spelling; while another goroutine opens it, Share waits. The same endpoints are
// those that it was opened with, whatever [Conn.Sync] or [Conn.SetEndpoints] has made of them, and those that it has now. It
// is for the parts of a program that do not know of each other. Each caller calls release when it needs the connection no longer; the last one
// closes it. To call one release again does nothing and returns what it returned. The options of the caller who opened the
// connection count, those of the others are checked only. Where the opening fails, all who wait for it get the error; if it
// ended with the opener's parent, the next one tries.
//
// A name without a connection of its own, such as the empty one, is ErrOption; a name that is open with other endpoints, or
// was opened by Open, is ErrAlreadyOpen; parent's end while another goroutine opens is ErrUnavailable with the context's
// error. Other errors are those of Open. A connection that somebody closes by [Close] is gone for all who share it; the next
// Share opens another. Share is safe for concurrent use.
func Share(parent context.Context, name string, endpoints []string, opts ...Option) (c *Conn, release func() error, err error) {
	if parent == nil {
		return nil, nil, connerr.ErrNilContext
	}
	o, err := newOptions(opts)
	addresses, bad := member.ParseAddresses(endpoints, o.TLS != nil)
	if name == "" {
		err = connerr.All(err, fmt.Errorf("%w: Share needs a name", ErrOption))
	}
	if err := connerr.All(err, bad); err != nil {
		return nil, nil, err
	}
	for {
		s, first, closing, err := join(name, sameFor(addresses))
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
		select {
		case <-ready:
		case <-parent.Done():
			if s != nil {
				_ = s.leave() // where it was the last, nobody asks how the close ended
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

// sameFor is the same for the same endpoints.
func sameFor(addresses []member.Address) string {
	var keys []string
	for _, a := range addresses {
		keys = append(keys, fmt.Sprint(a.Key(), " ", a.Secure))
	}
	slices.Sort(keys)
	return strings.Join(keys, ",")
}

// join joins the share of that name. If there was none, the caller is the first and opens it. While the last connection of
// that name is being closed there is no share, but a channel that tells when that is done.
func join(name, endpoints string) (s *share, first bool, closing <-chan struct{}, err error) {
	sharing.mu.Lock()
	defer sharing.mu.Unlock()
	s = sharing.names[name]
	switch {
	case s == nil, s.closedByName():
		s = &share{name: name, endpoints: endpoints, opened: make(chan struct{}), users: 1}
		sharing.names[name] = s
		return s, true, nil, nil
	case s.closed != nil:
		return nil, false, s.closed, nil
	case s.endpoints != endpoints && s.endpointsNow() != endpoints:
		return nil, false, nil, fmt.Errorf("%w: %q, with other endpoints", ErrAlreadyOpen, name)
	default:
		s.users++
		return s, false, nil, nil
	}
}

// now is the connection, nil while it is being opened.
func (s *share) now() *Conn {
	select {
	case <-s.opened:
		return s.conn
	default:
		return nil
	}
}

// closedByName reports whether somebody has closed the connection by [Close]: those who share it still are to release it,
// but it is nothing to join.
func (s *share) closedByName() bool {
	c := s.now()
	return c != nil && s.closed == nil && c.engine.Closed()
}

// endpointsNow is the endpoints that the connection has now, "" while it is being opened.
func (s *share) endpointsNow() string {
	c := s.now()
	if c == nil {
		return ""
	}
	return sameFor(c.engine.Addresses())
}

// open opens the connection for all who wait for it.
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

// leave gives one use up, and closes the connection after the last one.
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
