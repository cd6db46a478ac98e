// SPDX-License-Identifier: Apache-2.0

package member

import "sync/atomic"

// group holds what the endpoints of one connection share.
type group struct {
	*Config
	rotation  *rotation
	pool      pool
	hurried   chan struct{} // of mode Random, or nil
	woken     chan struct{} // of mode Random, or nil: there may be something to do for the endpoint in use
	searching atomic.Bool   // mode Random looks for an endpoint, and has not tried each of them yet
}

func newGroup(c *Config) *group {
	g := &group{Config: c, rotation: newRotation()}
	if c.Random {
		g.hurried, g.woken = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	return g
}

// wake wakes the goroutine of mode Random.
func (g *group) wake() {
	select {
	case g.woken <- struct{}{}:
	default: // already requested
	}
}
