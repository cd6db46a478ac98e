// SPDX-License-Identifier: Apache-2.0

// Package report has the words in which service packages tell what they have on a connection. Package conn/debug shows it.
//
// What a package keeps on a connection (engine.Conn.Attach) tells about itself if it has a method Report. It is asked when
// somebody looks, and costs nothing until then. Report may hold a lock for moments only: not while it waits, and not while code
// of the user runs.
package report

import (
	"slices"
	"time"
)

// Services is what service packages have on one connection.
type Services struct {
	Revision  int64 // the highest that was seen; 0 if none was
	Watches   []Watch
	Leases    []Lease
	Claims    []Claim
	Tables    []Table
	Presences []Presence
}

// Settle leaves out the claims that may have ended unnoticed: calls have returned with them, and the connection does not keep their
// leases alive.
func (s *Services) Settle() {
	kept := map[int64]bool{}
	for _, l := range s.Leases {
		kept[l.ID] = true
	}
	s.Claims = slices.DeleteFunc(s.Claims, func(c Claim) bool { return c.Returned && !kept[c.Lease] })
}

// Watch is a watch that has not ended.
type Watch struct {
	ID       int64
	Keys     Range
	InStep   bool      // it is on a server
	Since    time.Time // since when InStep is what it is
	Err      error     // why it is not in step; nil while it is, and while it is about to be created
	Endpoint string    // of its stream; "" while there is none
	Parked   bool      // off the server until its buffer has room
	Waiting  int       // bytes in its buffer
	Buffer   int       // bytes that the buffer holds
	Rev      int64     // up to which it has all events
	Read     int64     // up to which the reader has them
}

// Lease is a lease that is kept alive.
type Lease struct {
	ID         int64
	TTL        time.Duration // 0 before the first renewal
	Sent       time.Time     // when the last acknowledged renewal was sent; zero before the first
	ValidUntil time.Time     // zero before the first renewal
	Endpoint   string        // of its stream; "" while there is none
	Keepers    int
	Err        error // what went wrong since the last answer on that stream
}

// Claim is a place in a queue: of a lock, or of an election.
type Claim struct {
	Kind  string // such as "lock" or "election"
	Name  string
	State ClaimState
	Since time.Time // since when State is what it is
	Lease int64     // 0 before it is known
	Rev   int64     // create revision of its key; 0 before it is known

	Returned bool // a call has returned with it, and its lease is the user's to keep: see Settle

	// What a waiting claim waits for: until one of Ahead keys is gone, of which Key, created at KeyRev, is the first.
	Ahead  int
	Key    string
	KeyRev int64 // 0 if it is unknown
}

// ClaimState is where a claim stands.
type ClaimState string

// The states of a claim. A claim that loses its place begins anew.
const (
	Joining   ClaimState = "joining"   // it has no place yet
	Waiting   ClaimState = "waiting"   // older keys are ahead
	Held      ClaimState = "held"      // it is its turn
	Releasing ClaimState = "releasing" // its key and its lease are being given up
)

// Table is a local copy of a range.
type Table struct {
	Keys      Range
	Entries   int // keys, those without an entry included
	Rev       int64
	InStep    bool
	Since     time.Time
	Err       error
	Resyncs   int
	Undecoded int
}

// Presence is a key that comes back.
type Presence struct {
	Key   string
	State string // such as "present" or "absent"
	Since time.Time
	Lease int64 // 0 while the key is absent
	Rev   int64 // 0 while the key is absent
	Err   error
}
