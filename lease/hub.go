// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"slices"

	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/report"
)

// hub holds the renewers of one connection: one for each endpoint that leases are pinned to, and one for all other leases.
type hub struct {
	guard
	conn     *engine.Conn
	renewers []*renewer // few
}

type hubKey struct{}

func hubOf(c *engine.Conn) *hub {
	return c.Attach(hubKey{}, func() any { return &hub{conn: c} }).(*hub)
}

// join has a lease renewed for a Keeper at its place, from now on. renewed is closed with the first renewal.
func (h *hub) join(s *stake, id int64, at place) (r *renewer, l *held, renewed <-chan struct{}, err error) {
	h.lock()
	defer h.unlock()
	if r = h.at(at); r == nil {
		r = newRenewer(&h.guard, h.conn, at, func() { h.forget(r) })
		if err := h.conn.Go(session{r}.run); err != nil {
			return nil, nil, nil, err
		}
		h.renewers = append(h.renewers, r)
	} else if r.down != nil && !h.anyActive(at) {
		return nil, nil, nil, r.down
	}
	l, renewed = r.add(s, id)
	return r, l, renewed, nil
}

var _ engine.Reporter = (*hub)(nil)

// Report tells about the leases of the connection that are kept alive.
func (h *hub) Report(to *report.Services) {
	h.lock()
	defer h.unlock()
	for _, r := range h.renewers {
		to.Leases = append(to.Leases, r.report()...)
	}
}

// at returns the renewer of a place, or nil. The lock is held.
func (h *hub) at(p place) *renewer {
	i := slices.IndexFunc(h.renewers, func(r *renewer) bool { return r.place == p })
	if i < 0 {
		return nil
	}
	return h.renewers[i]
}

// forget removes a renewer that has ended. The next lease of its place gets a new one. The lock is held.
func (h *hub) forget(r *renewer) {
	h.renewers = slices.DeleteFunc(h.renewers, func(other *renewer) bool { return other == r })
}

// anyActive reports whether an endpoint that a place allows is Active.
func (h *hub) anyActive(at place) bool {
	active := h.conn.Active()
	if at.pinned {
		return slices.Contains(active, at.endpoint)
	}
	return len(active) > 0
}
