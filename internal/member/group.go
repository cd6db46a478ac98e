// SPDX-License-Identifier: Apache-2.0

package member

import "sync/atomic"

// group holds what the endpoints of one connection share.
type group struct {
	*Config
	rotation  *rotation
	pool      pool
	hurried   chan struct{} // of mode Random
	woken     chan struct{} // of mode Random: there may be something to do for the endpoint in use
	searching atomic.Bool   // mode Random looks for an endpoint, and has not tried each of them yet
}

func newGroup(c *Config) *group {
	return &group{Config: c, rotation: newRotation(), hurried: make(chan struct{}, 1), woken: make(chan struct{}, 1)}
}

// wake wakes the goroutine of mode Random.
func (g *group) wake() {
	select {
	case g.woken <- struct{}{}:
	default: // already requested
	}
}
