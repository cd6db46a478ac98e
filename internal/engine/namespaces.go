// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"maps"
	"slices"
	"sync"

	"github.com/eetcd-go/eetcd/internal/connerr"
)

// namespaces are the open namespaces of a connection.
type namespaces struct {
	mu     sync.Mutex
	open   map[closer]bool
	closed bool
}

// closer is a namespace, which close closes.
type closer interface{ Close() error }

// add adds a namespace, and publishes it. It reports false if the connection is closed, and publishes nothing then.
func (n *namespaces) add(c closer, publish func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	if n.open == nil {
		n.open = map[closer]bool{}
	}
	n.open[c] = true
	publish() // with the lock held, so that close comes after it
	return true
}

func (n *namespaces) remove(c closer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// close closes the open namespaces, all at once, and refuses further ones.
func (n *namespaces) close() error {
	n.mu.Lock()
	n.closed = true
	open := slices.Collect(maps.Keys(n.open))
	n.mu.Unlock()
	errs := make([]error, len(open))
	var closing sync.WaitGroup
	for i, c := range open {
		closing.Go(func() { errs[i] = c.Close() })
	}
	closing.Wait()
	return connerr.All(errs...)
}
