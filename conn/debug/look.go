// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// look returns what all open connections do now.
func look() document {
	open := engine.All()
	d := document{Time: time.Now(), Connections: make([]connection, 0, len(open))}
	watches := map[string]map[string]int{} // by the name of a connection without its namespaces, and by endpoint
	for _, e := range open {
		c := connectionOf(e, d.Time)
		d.Connections = append(d.Connections, c)
		whole := e.Whole().Name()
		if watches[whole] == nil {
			watches[whole] = map[string]int{}
		}
		for _, w := range c.Watches {
			watches[whole][w.Endpoint]++
		}
	}
	for _, c := range d.Connections {
		for i := range c.Endpoints {
			c.Endpoints[i].Watches = watches[c.Name][c.Endpoints[i].Address]
		}
	}
	return d
}

func connectionOf(e *engine.Conn, now time.Time) connection {
	has := e.Report()
	c := connection{
		Name: e.Name(), Revision: has.Revision,
		Watches: watchesOf(has.Watches), Leases: leasesOf(has.Leases, now), Claims: claimsOf(has.Claims),
		Tables: tablesOf(has.Tables), Presences: presencesOf(has.Presences),
	}
	if whole := e.Whole(); whole != e {
		c.NamespaceOf, c.Prefix = whole.Name(), name(e.Prefix())
		return c
	}
	left, full := e.Budget()
	c.Budget = &budget{left, full}
	for _, s := range e.Info() {
		state := "Frozen"
		if s.Active {
			state = "Active"
		}
		c.Endpoints = append(c.Endpoints, endpoint{
			Address: s.Address, State: state, Since: s.Since, Redialled: s.Returning, Reason: tell.Public(s.Err),
			ReconnectIn: seconds(s.ReconnectIn), Version: s.Version, Leader: s.Leader, Learner: s.Learner, Leases: s.Leases,
		})
	}
	return c
}

func watchesOf(all []report.Watch) []watch {
	slices.SortFunc(all, func(a, b report.Watch) int {
		return cmp.Or(cmp.Compare(a.Keys.Name, b.Keys.Name), cmp.Compare(a.ID, b.ID))
	})
	told := make([]watch, 0, len(all))
	for _, w := range all {
		of := keysOf(w.Keys)
		if w.Keys.Kind != report.Prefix {
			of.Name = "" // the page shows no keys
		}
		told = append(told, watch{
			ID: w.ID, Keys: of, InStep: w.InStep, Since: w.Since, Reason: tell.Public(w.Err), Endpoint: w.Endpoint, Parked: w.Parked,
			Waiting: w.Waiting, Buffer: w.Buffer, Revision: w.Rev, Read: w.Read,
		})
	}
	return told
}

func leasesOf(all []report.Lease, now time.Time) []lease {
	slices.SortFunc(all, func(a, b report.Lease) int { return cmp.Compare(a.ID, b.ID) })
	told := make([]lease, 0, len(all))
	for _, l := range all {
		at := lease{
			ID: hex(l.ID), TTL: seconds(l.TTL), Renewed: l.Sent, ValidUntil: l.ValidUntil, Endpoint: l.Endpoint,
			Keepers: l.Keepers, Reason: tell.Public(l.Err),
		}
		if !l.ValidUntil.IsZero() {
			margin := seconds(l.ValidUntil.Sub(now))
			at.Margin = &margin
		}
		told = append(told, at)
	}
	return told
}

func claimsOf(all []report.Claim) []claim {
	slices.SortFunc(all, func(a, b report.Claim) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Rev, b.Rev), cmp.Compare(a.Lease, b.Lease), a.Since.Compare(b.Since))
	})
	told := make([]claim, 0, len(all))
	for _, c := range all {
		at := claim{
			Kind: c.Kind, Name: name(c.Name), State: string(c.State), Since: c.Since, Lease: hex(c.Lease), Revision: c.Rev,
		}
		if c.State == report.Waiting {
			at.WaitsFor = &ahead{c.Ahead, name(c.Key), c.KeyRev}
		}
		told = append(told, at)
	}
	return told
}

func tablesOf(all []report.Table) []table {
	slices.SortFunc(all, func(a, b report.Table) int {
		return cmp.Or(cmp.Compare(a.Keys.Name, b.Keys.Name), a.Since.Compare(b.Since))
	})
	told := make([]table, 0, len(all))
	for _, t := range all {
		told = append(told, table{
			Keys: keysOf(t.Keys), Entries: t.Entries, Revision: t.Rev, InStep: t.InStep, Since: t.Since, Reason: tell.Public(t.Err),
			Resyncs: t.Resyncs, Undecoded: t.Undecoded,
		})
	}
	return told
}

func presencesOf(all []report.Presence) []presence {
	slices.SortFunc(all, func(a, b report.Presence) int { return cmp.Or(cmp.Compare(a.Key, b.Key), a.Since.Compare(b.Since)) })
	told := make([]presence, 0, len(all))
	for _, p := range all {
		told = append(told, presence{
			Key: name(p.Key), State: p.State, Since: p.Since, Lease: hex(p.Lease), Revision: p.Rev, Reason: tell.Public(p.Err),
		})
	}
	return told
}

func keysOf(r report.Range) keys { return keys{string(r.Kind), name(r.Name)} }

// name returns a name, or its quoted form if it has characters that cannot be shown.
func name(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return tell.Short(text)
	}
	return tell.Short(strconv.Quote(text))
}

// hex returns a lease as etcdctl shows it; "" if there is none.
func hex(lease int64) string {
	if lease == 0 {
		return ""
	}
	return strconv.FormatInt(lease, 16)
}

// seconds returns a time in seconds, to the millisecond.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}
