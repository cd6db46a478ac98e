// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// State is the state of one endpoint of a connection.
type State uint8

const (
	// Active: the endpoint is connected and healthy, and takes requests. It stays Active while a lost transport is
	// redialled for the first time. If that fails, it becomes Frozen.
	Active State = iota
	// Frozen: the endpoint takes no requests until a reconnection succeeds. A healthy member that knows no leader
	// (etcderr.ErrNoLeader), and a learner (etcderr.ErrNotSupportedForLearner), still take calls with [OnEndpoint].
	Frozen
)

// String returns "Active" or "Frozen".
func (s State) String() string {
	switch s {
	case Active:
		return "Active"
	case Frozen:
		return "Frozen"
	default:
		return fmt.Sprintf("State(%d)", uint8(s))
	}
}

// Endpoint is a snapshot of one endpoint of a connection. Version, Leader and Learner come from the last check of the
// member. Checks are made at each connection and every 15 s ([WithHealthCheckInterval]).
type Endpoint struct {
	Name        string        // the connection's name
	Address     string        // as given to Open
	State       State         // Active or Frozen
	Leases      int           // the leases kept alive through this endpoint
	ReconnectIn time.Duration // until the next attempt to reconnect; 0 while Active, or while one is under way
	Err         error         // why it is Frozen; nil while Active
	Version     string        // of the member's server, such as 3.6.4; "" if it is unknown
	Leader      bool          // the member leads the cluster
	Learner     bool          // the member is a learner, which has no vote
}

// endpointOf converts a snapshot of an endpoint to the public type.
func endpointOf(conn string, s member.Snapshot) Endpoint {
	state := Frozen
	if s.Active {
		state = Active
	}
	return Endpoint{
		Name: conn, Address: s.Address, State: state, Leases: s.Leases, ReconnectIn: s.ReconnectIn, Err: s.Err,
		Version: s.Version, Leader: s.Leader, Learner: s.Learner,
	}
}

// endpointsOf returns a snapshot of each endpoint of a connection.
func endpointsOf(e *engine.Conn) []Endpoint {
	all := e.Info()
	endpoints := make([]Endpoint, 0, len(all))
	for _, s := range all {
		endpoints = append(endpoints, endpointOf(e.Name(), s))
	}
	return endpoints
}

// Info returns every endpoint of every open connection, sorted by name, then address. A namespace has the endpoints of its
// connection, and is left out. Info never blocks, even if members hang, and is safe for concurrent use.
func Info() []Endpoint {
	var all []Endpoint
	for _, e := range engine.All() {
		if e == e.Whole() {
			all = append(all, endpointsOf(e)...)
		}
	}
	return all
}

// WriteInfo writes [Info] to w as two plain text tables, first the Active endpoints and then the Frozen ones. Of an error of the
// function of [WithCredentialsFunc] it writes the type only, because the text may hold a secret. It blocks
// only in w, and is safe for concurrent use if w is. It returns w's error, and an error if w is nil.
func WriteInfo(w io.Writer) error {
	if w == nil {
		return connerr.ErrNoWriter
	}
	active := [][]string{{"Name", "Status", "Endpoint", "Leases"}}
	frozen := [][]string{{"Name", "Status", "Endpoint", "Reconnect in", "Reason"}}
	for _, ep := range Info() {
		if ep.State == Active {
			active = append(active, []string{ep.Name, ep.State.String(), ep.Address, fmt.Sprint(ep.Leases)})
			continue
		}
		in := ep.ReconnectIn.Round(time.Millisecond)
		if ep.ReconnectIn >= time.Second {
			in = ep.ReconnectIn.Round(100 * time.Millisecond)
		}
		frozen = append(frozen, []string{ep.Name, ep.State.String(), ep.Address, in.String(), tell.Public(ep.Err)})
	}
	var b strings.Builder
	writeTable(&b, active)
	b.WriteByte('\n')
	writeTable(&b, frozen)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeTable(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			row[i] = strings.Join(strings.Fields(cell), " ") // a reason may span lines
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	line := func(row []string) {
		var out strings.Builder
		for i, cell := range row {
			if i > 0 {
				out.WriteString(" | ")
			}
			out.WriteString(cell)
			out.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString(strings.TrimRight(out.String(), " "))
		b.WriteByte('\n')
	}
	line(rows[0])
	for i, width := range widths {
		if i > 0 {
			b.WriteString("-+-")
		}
		b.WriteString(strings.Repeat("-", width))
	}
	b.WriteByte('\n')
	for _, row := range rows[1:] {
		line(row)
	}
}
