// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"maps"
	"slices"
	"sync"
)

// namespaces are those of a connection that are open, or have not been joined yet.
type namespaces struct {
	mu    sync.Mutex
	open  map[*Conn]bool
	ended bool
}

// add adds a namespace, and publishes it. It reports false if the connection is closed, and publishes nothing then.
func (n *namespaces) add(c *Conn, publish func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return false
	}
	if n.open == nil {
		n.open = map[*Conn]bool{}
	}
	n.open[c] = true
	publish() // with the lock held, so that the end comes after it
	return true
}

func (n *namespaces) remove(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// all returns those that are there.
func (n *namespaces) all() []*Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.open))
}

// end refuses further namespaces, and returns those that are there.
func (n *namespaces) end() []*Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	return slices.Collect(maps.Keys(n.open))
}

// Within returns the connection and all of its namespaces that are open, those of namespaces included.
func (c *Conn) Within() []*Conn {
	all := []*Conn{c}
	for _, n := range c.namespaces.all() {
		all = append(all, n.Within()...)
	}
	return all
}
