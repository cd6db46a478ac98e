// SPDX-License-Identifier: Apache-2.0

package member

import "sync/atomic"

// group holds what the endpoints of one connection share.
type group struct {
	*Config
	rotation  *rotation
	pool      pool
	hurried   chan struct{} // of mode Random
	searching atomic.Bool   // mode Random looks for an endpoint, and has not tried each of them yet
}

func newGroup(c *Config) *group {
	return &group{Config: c, rotation: newRotation(), hurried: make(chan struct{}, 1)}
}
