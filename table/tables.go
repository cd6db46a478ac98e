// SPDX-License-Identifier: Apache-2.0

package table

import (
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/report"
)

// tables are those of a connection that live.
type tables struct{ live report.Set[teller] }

// teller is a table, whatever its values are.
type teller interface{ told() report.Table }

type tablesKey struct{}

func tablesOf(c *engine.Conn) *tables {
	return c.Attach(tablesKey{}, func() any { return new(tables) }).(*tables)
}

// enlist has reports tell about a table, until the returned function is called.
func (ts *tables) enlist(t teller) (leave func()) {
	ts.live.Add(t)
	return func() { ts.live.Remove(t) }
}

var _ engine.Reporter = (*tables)(nil)

// Report tells about the tables of the connection.
func (ts *tables) Report(to *report.Services) {
	for _, t := range ts.live.All() {
		to.Tables = append(to.Tables, t.told())
	}
}
