// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"math"
	"time"

	"github.com/eetcd-go/eetcd/internal/report"
)

// Usage is what the watches and the kept leases of a connection are like, in numbers, for metrics and alarms. Package conn/debug shows
// each of them. The watches and leases of locks, elections, tables and presences count too.
type Usage struct {
	Watches   int // that have not ended
	OutOfStep int // of these: they are on no server, because they are being created, or because their stream is down
	Parked    int // of these: they are off the server until their readers have made room. They are not OutOfStep
	Waiting   int // bytes of events that wait for readers

	// Lag is the most revisions that one of the watches has before it: those up to the newest one that the connection has seen. It
	// is 0 if no event waits, and no watch is parked or out of step.
	Lag int64

	Leases int // that are kept alive

	// Margin is the time until the first of the leases counts as lost if it is not renewed before, and Left is the smallest part of its
	// TTL that one of them has left, from 0 to 1. Leases are renewed when two thirds are left. Both are 0 if no lease has been renewed
	// yet.
	Margin time.Duration
	Left   float64
}

// Usage returns a snapshot of the watches and the kept leases of the connection, those of its namespaces included. It never blocks,
// calls no server, and is safe for concurrent use.
func (c *Conn) Usage() Usage {
	var u Usage
	if !c.open() {
		return u
	}
	var renewed []report.Lease
	for _, e := range c.engine.Within() {
		has := e.Report()
		for _, w := range has.Watches {
			u.addWatch(w, has.Revision)
		}
		u.Leases += len(has.Leases)
		for _, l := range has.Leases {
			if l.TTL > 0 && !l.ValidUntil.IsZero() {
				renewed = append(renewed, l)
			}
		}
	}
	if len(renewed) == 0 {
		return u
	}
	u.Margin, u.Left = math.MaxInt64, 1
	now := time.Now()
	for _, l := range renewed {
		margin := max(0, l.ValidUntil.Sub(now))
		u.Margin, u.Left = min(u.Margin, margin), min(u.Left, float64(margin)/float64(l.TTL))
	}
	return u
}

// addWatch adds a watch of a connection that has seen that revision.
func (u *Usage) addWatch(w report.Watch, newest int64) {
	u.Watches++
	u.Waiting += w.Waiting
	switch {
	case w.Parked:
		u.Parked++
	case !w.InStep:
		u.OutOfStep++
	case w.Waiting == 0:
		return // it is not behind, even if no server has told it how far it is
	}
	if w.Read > 0 { // it is 0 until the server has told where the watch begins
		u.Lag = max(u.Lag, newest-w.Read)
	}
}
