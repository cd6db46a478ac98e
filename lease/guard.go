// SPDX-License-Identifier: Apache-2.0

package lease

import "sync"

// guard is the lock for the leases of a connection. Nothing blocks while it is held.
type guard struct {
	mu      sync.Mutex
	unbound []func() bool // release the contexts of Keepers that have ended
}

func (g *guard) lock() { g.mu.Lock() }

// unlock releases the lock, and then the contexts of Keepers that have ended while it was held. A context may be of a type of
// the user's, so its code must not run under the lock.
func (g *guard) unlock() {
	unbound := g.unbound
	g.unbound = nil
	g.mu.Unlock()
	for _, unbind := range unbound {
		unbind()
	}
}
