// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"crypto/sha256"
	_ "embed" // for the files of the page
	"encoding/base64"
	"html/template"
	"slices"
	"strconv"
)

//go:embed page.html
var pageText string

//go:embed page.css
var style string

var (
	page      = template.Must(template.New("page").Parse(pageText))
	styleHash = func() string {
		sum := sha256.Sum256([]byte(style))
		return base64.StdEncoding.EncodeToString(sum[:])
	}()
)

// view is what the page shows.
type view struct {
	Style       template.CSS
	Time        string
	Refresh     int
	Alarms      int     // how much needs attention
	Attention   []alarm // the most urgent of it
	Connections []part
}

// alarm is a row that needs attention, with a link to its section.
type alarm struct {
	row
	Conn, Kind, Anchor string
}

// part is a connection.
type part struct {
	Name     string
	About    []string
	Sections []section
}

// section has the things of one kind.
type section struct {
	Title, Anchor string
	Count         string
	Rows          []row
	More          int // that are not shown
}

const (
	rowsMax   = 100 // of a section
	alarmsMax = 20
)

// viewOf makes the page of a document.
func viewOf(d document, refresh int) view {
	p := pager{d.Time}
	v := view{Style: template.CSS(style), Time: d.Time.UTC().Format("2006-01-02 15:04:05 UTC"), Refresh: refresh}
	for i, c := range d.Connections {
		add := part{Name: name(c.Name), About: about(c)}
		for _, s := range []struct {
			title, kind string
			rows        []row
		}{
			{"Endpoints", "endpoint", rowsOf(c.Endpoints, p.endpoint)},
			{"Watches", "watch", rowsOf(c.Watches, p.watch)},
			{"Leases", "lease", rowsOf(c.Leases, p.lease)},
			{"Locks and elections", "claim", rowsOf(c.Claims, p.claim)},
			{"Tables", "table", rowsOf(c.Tables, p.table)},
			{"Presences", "presence", rowsOf(c.Presences, p.presence)},
		} {
			if len(s.rows) == 0 {
				continue
			}
			anchor := s.kind + "-" + strconv.Itoa(i)
			for _, r := range s.rows {
				if r.Level == bad || r.Level == warn {
					v.Attention = append(v.Attention, alarm{r, add.Name, s.kind, anchor})
				}
			}
			shown := s.rows[:min(len(s.rows), rowsMax)]
			add.Sections = append(add.Sections, section{
				Title: s.title, Anchor: anchor, Count: tally(s.rows), Rows: shown, More: len(s.rows) - len(shown),
			})
		}
		v.Connections = append(v.Connections, add)
	}
	v.Alarms = len(v.Attention)
	slices.SortStableFunc(v.Attention, func(a, b alarm) int { return a.Level.urgency() - b.Level.urgency() })
	v.Attention = v.Attention[:min(len(v.Attention), alarmsMax)]
	return v
}

// rowsOf makes rows, those in trouble first.
func rowsOf[T any](all []T, rowOf func(T) row) []row {
	rows := make([]row, 0, len(all))
	for _, one := range all {
		rows = append(rows, rowOf(one))
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.Level.urgency() - b.Level.urgency() })
	return rows
}

// tally returns how many rows there are, and how many of them are not well.
func tally(rows []row) string {
	text, trouble := strconv.Itoa(len(rows)), 0
	for _, r := range rows {
		if r.Level == bad || r.Level == warn {
			trouble++
		}
	}
	if trouble > 0 {
		text += ", " + strconv.Itoa(trouble) + " in trouble"
	}
	return text
}

// about returns what there is to say about a connection itself.
func about(c connection) []string {
	var f facts
	f.addIf(c.NamespaceOf != "", "namespace of %s", name(c.NamespaceOf))
	f.addIf(c.Prefix != "", "all keys begin with %s", c.Prefix)
	if b := c.Budget; b != nil {
		f.add("%d of %d retries and hedges left", b.Left, b.Full)
	}
	f.addIf(c.Revision > 0, "newest revision seen by watches: %d", c.Revision)
	return f
}
