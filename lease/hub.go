// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"slices"
	"sync"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// hub holds what keeps the leases of one connection alive: one renewer for all but those that are to be renewed at one
// endpoint only.
type hub struct {
	conn *engine.Conn

	mu       sync.Mutex // guards the renewers, their leases and the Keepers of those; nothing blocks while it is held
	renewers map[place]*renewer
	unbound  []func() bool // what lets go of the contexts of Keepers that have ended; called without the lock
}

type hubKey struct{}

func hubOf(c *engine.Conn) *hub {
	return c.Attach(hubKey{}, func() any { return &hub{conn: c, renewers: map[place]*renewer{}} }).(*hub)
}

func (h *hub) lock() { h.mu.Lock() }

// unlock releases the lock, and then the contexts of Keepers that have ended while it was held: those may be of a type of
// the user's.
func (h *hub) unlock() {
	unbound := h.unbound
	h.unbound = nil
	h.mu.Unlock()
	for _, unbind := range unbound {
		unbind()
	}
}

// place says on which endpoint a lease is to be renewed.
type place struct {
	endpoint string
	pinned   bool
}

func (p place) stream(c *engine.Conn) resume.Stream {
	return resume.Stream{
		Conn: c, Desc: &pb.Lease_ServiceDesc.Streams[0], Method: pb.Lease_LeaseKeepAlive_FullMethodName,
		Endpoint: p.endpoint, Pinned: p.pinned,
	}
}

// join has a lease renewed for a Keeper at its place, from now on. The channel is closed with the first renewal.
func (h *hub) join(k *Keeper, id int64, at place) (<-chan struct{}, error) {
	h.lock()
	defer h.unlock()
	r := h.renewers[at]
	if r == nil {
		r = newRenewer(h, at)
		if err := h.conn.Go(r.run); err != nil {
			return nil, err
		}
		h.renewers[at] = r
	} else if r.down != nil && !h.anyActive(at) {
		return nil, r.down
	}
	return r.join(k, id), nil
}

// anyActive reports whether an endpoint that a place allows is Active.
func (h *hub) anyActive(at place) bool {
	active := h.conn.Active()
	if at.pinned {
		return slices.Contains(active, at.endpoint)
	}
	return len(active) > 0
}
