// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/refusal"
)

// names is the registry: which connection is open under which name. A look-up takes no lock and allocates nothing; it
// stands on the way of every request.
type names struct {
	open atomic.Pointer[map[string]*Conn]

	mu       sync.Mutex
	reserved map[string]bool // being opened
	made     int             // names made up so far
}

var registry = &names{reserved: map[string]bool{}}

func (n *names) load() map[string]*Conn {
	if m := n.open.Load(); m != nil {
		return *m
	}
	return nil
}

func (n *names) lookup(name string) (*Conn, bool) {
	c, ok := n.load()[name]
	return c, ok
}

// reserve keeps a name for a connection that is being opened; it makes one up for the empty name.
func (n *names) reserve(name string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	taken := func(name string) bool {
		_, open := n.load()[name]
		return open || n.reserved[name]
	}
	if name == "" {
		for name == "" || taken(name) {
			n.made++
			name = fmt.Sprintf("eetcd-%d", n.made)
		}
	} else if taken(name) {
		return "", fmt.Errorf("%w: %q", ErrAlreadyOpen, name)
	}
	n.reserved[name] = true
	return name, nil
}

// free gives a reserved name back.
func (n *names) free(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.reserved, name)
}

// add makes a connection known under its reserved name.
func (n *names) add(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.reserved, c.name)
	next := maps.Clone(n.load())
	if next == nil {
		next = map[string]*Conn{}
	}
	next[c.name] = c
	n.open.Store(&next)
}

// remove makes a connection unknown, unless its name is another's by now.
func (n *names) remove(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.load()[c.name] != c {
		return
	}
	next := maps.Clone(n.load())
	delete(next, c.name)
	n.open.Store(&next)
}

func (n *names) all() []*Conn {
	return slices.SortedFunc(maps.Values(n.load()), func(a, b *Conn) int { return cmp.Compare(a.name, b.name) })
}

// Open opens a connection to a cluster under a name and looks after it until [Close]. Requests reach it by that name.
// An empty name makes a unique one; see [Conn.Name]. A name means what is open under it now: once it is closed and opened
// for another cluster, requests of goroutines that were forgotten go there. Libraries use unnamed connections, or [Share].
//
// Endpoints are host:port, [::1]:port, http://host:port, https://host:port (over TLS with or without [WithTLS]),
// unix:///path or unixs:///path (over TLS; the server proves the name localhost). The case of scheme and host, a slash at
// the end and the form of an IP address make no difference. A user and a password belong in [WithCredentials]: an endpoint with
// them is refused, and no error or log tells them.
//
// Open waits for the first verdict of each endpoint: the connect timeout (1 s by default), and where the password is to be
// checked the default timeout (5 s) as well, or until parent ends. Once an endpoint serves, it waits for the others no longer
// than two connect timeouts. It succeeds when one is Active, since a member that knows a leader proves that the cluster has
// a majority; the others are Frozen and reconnected. It also succeeds when all that answers are members without a leader or
// learners, so that what needs no leader can be had of them, such as serializable reads and a snapshot. parent bounds the
// opening only.
//
// It returns ErrAlreadyOpen, ErrEndpoint, ErrOption (each with every fault found), or ErrUnavailable with the reason of
// each endpoint; then nothing is left behind. It is safe for concurrent use. It calls grpc.health.v1.Health/Check and
// Maintenance/Status on each endpoint.
func Open(parent context.Context, name string, endpoints []string, opts ...Option) (*Conn, error) {
	if parent == nil {
		return nil, refusal.ErrNilContext
	}
	o, optErr := newOptions(opts)
	addresses, err := member.ParseAddresses(endpoints, o.tls != nil)
	if err := refusal.All(optErr, err); err != nil {
		return nil, err
	}
	name, err = registry.reserve(name)
	if err != nil {
		return nil, err
	}
	c := newConn(name, addresses, o)
	first, n := c.start()
	if !o.lazy {
		if err := c.opened(parent, first, n); err != nil {
			closeErr := c.Close()
			registry.free(name)
			return nil, refusal.All(err, closeErr)
		}
	}
	registry.add(c)
	if o.autoSync {
		_ = c.Go(c.autoSync) // it is refused only where somebody has closed the connection already
	}
	return c, nil
}

// Close closes the connection open under a name; see [Conn.Close]. It returns ErrNotOpen where there is none. It is
// safe for concurrent use.
func Close(name string) error {
	c, err := Lookup(name)
	if err != nil {
		return err
	}
	return c.Close()
}

// Lookup returns the connection open under a name, or ErrNotOpen. It takes no lock and is safe for concurrent use.
func Lookup(name string) (*Conn, error) {
	if c, ok := registry.lookup(name); ok {
		return c, nil
	}
	if name == "" {
		return nil, fmt.Errorf("%w: the request is bound to no connection", ErrNotOpen)
	}
	return nil, fmt.Errorf("%w: %q", ErrNotOpen, name)
}
