// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

// roll has the names of the connections that have told of an endpoint. A connection tells of its endpoints while it is being opened,
// and nothing tells when it is closed. The zero roll is empty. Its methods are safe for concurrent use.
type roll struct {
	mu    sync.Mutex
	seen  map[string]time.Time // when each has last told of an endpoint or was found open
	sweep int                  // the next size at which the closed ones are forgotten
}

// forgetAfter is how long a connection is remembered that is not open. An opening succeeds right after it has told of an endpoint.
const forgetAfter = time.Minute

// sweepMin is the smallest size at which a roll that nobody reads is swept.
const sweepMin = 64

// see adds a connection.
func (r *roll) see(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen, r.sweep = map[string]time.Time{}, sweepMin
	}
	r.seen[name] = time.Now()
	if len(r.seen) >= r.sweep {
		r.sorted()
		r.sweep = max(sweepMin, 2*len(r.seen))
	}
}

// open returns the connections that are open, sorted by name.
func (r *roll) open() []*conn.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sorted()
}

// sorted is open with the lock held. It forgets the connections that have not been open for long.
func (r *roll) sorted() (all []*conn.Conn) {
	for _, name := range slices.Sorted(maps.Keys(r.seen)) {
		c, err := conn.Lookup(name)
		switch {
		case err == nil:
			r.seen[name] = time.Now()
			all = append(all, c)
		case time.Since(r.seen[name]) > forgetAfter:
			delete(r.seen, name)
		}
	}
	return all
}
