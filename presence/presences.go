// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/report"
)

// presences are those of a connection that have not ended.
type presences struct{ live report.Set[*Presence] }

type presencesKey struct{}

func presencesOf(c *engine.Conn) *presences {
	return c.Attach(presencesKey{}, func() any { return new(presences) }).(*presences)
}

// enlist has reports tell about a presence, until the returned function is called.
func (ps *presences) enlist(p *Presence) (leave func()) {
	ps.live.Add(p)
	return func() { ps.live.Remove(p) }
}

var _ engine.Reporter = (*presences)(nil)

// Report tells about the presences of the connection. One that looks only for late puts is not told.
func (ps *presences) Report(to *report.Services) {
	for _, p := range ps.live.All() {
		stage, shown := p.view.told()
		if stage >= left {
			continue
		}
		to.Presences = append(to.Presences, report.Presence{
			Key: p.name, State: stage.String(), Since: shown.Since, Lease: shown.Lease, Rev: shown.Rev, Err: shown.Err,
		})
	}
}
