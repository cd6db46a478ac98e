// SPDX-License-Identifier: Apache-2.0

package kv

import "time"

// The limits of a request of many, and of how many of them are under way.
const (
	manyOps    = 128       // operations that a server takes in a transaction by default
	manyBytes  = 1 << 20   // well below the 1.5 MiB that a server takes by default
	manyWindow = 8         // requests under way
	firstBytes = 256 << 10 // of the first requests, as nothing is known of the way to the server
	leastBytes = 32 << 10
	unhurried  = 16 // a request that takes more than this part of its time limit is too slow
)

// pace says how much may be under way: as much as the network and the servers carry with ease. On a slow network, too much at a
// time would make requests fail by their time limit that succeed one after the other.
type pace struct {
	limit  time.Duration // of a request
	window int           // requests under way
	bytes  int           // of a request
}

func newPace(limit time.Duration) pace { return pace{limit: limit, window: 1, bytes: firstBytes} }

// learn adapts the pace to the time that a request took.
func (p *pace) learn(took time.Duration) {
	if took > p.limit/unhurried {
		p.window, p.bytes = max(1, p.window/2), max(leastBytes, p.bytes/2)
	} else {
		p.window, p.bytes = min(manyWindow, p.window+1), min(manyBytes, p.bytes*2)
	}
}
