// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// names is the registry of open connections by name. Every request looks its connection up here, so a look-up takes
// no lock and allocates nothing.
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

// reserve keeps a name for a connection that is being opened. It makes one up for the empty name.
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
		return "", fmt.Errorf("%w: %q", connerr.ErrAlreadyOpen, name)
	}
	n.reserved[name] = true
	return name, nil
}

// free releases a reserved name.
func (n *names) free(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.reserved, name)
}

// add publishes a connection under its reserved name.
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

// remove takes a connection off the registry, unless another one has its name by now.
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

// Open opens a connection as package conn documents it. face makes the *conn.Conn for it.
func Open(parent context.Context, name string, addresses []member.Address, config Config, face func(*Conn) any) (*Conn, error) {
	name, err := registry.reserve(name)
	if err != nil {
		return nil, err
	}
	c := newConn(name, addresses, config)
	c.Face = face(c)
	c.leave = func() { registry.remove(c) }
	if err := c.open(parent); err != nil {
		closeErr := c.Close()
		registry.free(name)
		return nil, connerr.All(err, closeErr)
	}
	registry.add(c)
	if config.AutoSync > 0 {
		_ = c.Go(c.autoSync) // it is refused only where somebody has closed the connection already
	}
	return c, nil
}

// Namespace opens a connection that uses the endpoints of c, and whose messages space translates. It closes with c. face makes the
// *conn.Conn for it.
func Namespace(c *Conn, name string, space Space, face func(*Conn) any) (*Conn, error) {
	name, err := registry.reserve(name)
	if err != nil {
		return nil, err
	}
	n := c.derive(name, space)
	n.Face = face(n)
	n.leave = func() { registry.remove(n) }
	if !c.namespaces.add(n, func() { registry.add(n) }) {
		registry.free(name)
		return nil, connerr.Closed(c.name)
	}
	return n, nil
}

// All returns every open connection, sorted by name.
func All() []*Conn { return registry.all() }

// Lookup returns the connection open under a name, or ErrNotOpen. It takes no lock and is safe for concurrent use.
func Lookup(name string) (*Conn, error) {
	if c, ok := registry.lookup(name); ok {
		return c, nil
	}
	if name == "" {
		return nil, fmt.Errorf("%w: the request is bound to no connection", connerr.ErrNotOpen)
	}
	return nil, fmt.Errorf("%w: %q", connerr.ErrNotOpen, tell.Short(name))
}
