// SPDX-License-Identifier: Apache-2.0

package debug

import "time"

// document is what a moment looks like. It is the JSON, and the page is made of it.
type document struct {
	Time        time.Time    `json:"time"`
	Connections []connection `json:"connections"` // sorted by name
}

type connection struct {
	Name        string     `json:"name"`
	NamespaceOf string     `json:"namespace_of,omitempty"` // the connection whose endpoints it uses
	Prefix      string     `json:"prefix,omitempty"`       // of a namespace
	Revision    int64      `json:"revision,omitempty"`     // the newest that its watches have seen
	Budget      *budget    `json:"budget,omitempty"`
	Endpoints   []endpoint `json:"endpoints,omitempty"` // sorted by address
	Watches     []watch    `json:"watches"`
	Leases      []lease    `json:"leases"`
	Claims      []claim    `json:"claims"`
	Tables      []table    `json:"tables"`
	Presences   []presence `json:"presences"`
}

// budget is what is left of the retries and hedges of a connection.
type budget struct {
	Left int `json:"left"`
	Full int `json:"full"`
}

type endpoint struct {
	Address     string    `json:"address"`
	State       string    `json:"state"` // Active or Frozen
	Since       time.Time `json:"since"`
	Redialled   bool      `json:"redialled,omitempty"` // Active, but its transport was lost a moment ago
	Reason      string    `json:"reason,omitempty"`    // why it is Frozen
	ReconnectIn float64   `json:"reconnect_in_seconds,omitempty"`
	Version     string    `json:"version,omitempty"`
	Leader      bool      `json:"leader"`
	Learner     bool      `json:"learner"`
	Leases      int       `json:"leases"`  // kept alive through it
	Watches     int       `json:"watches"` // on streams to it
}

type keys struct {
	Kind string `json:"kind"`           // key, prefix, all, from or range
	Name string `json:"name,omitempty"` // the prefix; the key where it is the name of a table
}

type watch struct {
	ID       int64     `json:"id,string"`
	Keys     keys      `json:"keys"`
	InStep   bool      `json:"in_step"`
	Since    time.Time `json:"since,omitzero"`
	Reason   string    `json:"reason,omitempty"` // why it is not in step
	Endpoint string    `json:"endpoint,omitempty"`
	Parked   bool      `json:"parked"`
	Waiting  int       `json:"waiting_bytes"`
	Buffer   int       `json:"buffer_bytes"`
	Revision int64     `json:"revision"`      // up to which it has all events
	Read     int64     `json:"read_revision"` // up to which its reader has them
}

type lease struct {
	ID         string    `json:"id"`
	TTL        float64   `json:"ttl_seconds,omitempty"`
	Renewed    time.Time `json:"renewed,omitzero"` // when the last acknowledged renewal was sent
	ValidUntil time.Time `json:"valid_until,omitzero"`
	Margin     *float64  `json:"margin_seconds,omitempty"` // from now to valid_until; missing before the first renewal
	Endpoint   string    `json:"endpoint,omitempty"`
	Keepers    int       `json:"keepers"`
	Reason     string    `json:"reason,omitempty"` // what went wrong since the last answer
}

type claim struct {
	Kind     string    `json:"kind"` // lock, shared lock, semaphore of n, or election
	Name     string    `json:"name"`
	State    string    `json:"state"` // joining, waiting, held or releasing
	Since    time.Time `json:"since"`
	Lease    string    `json:"lease,omitempty"`
	Revision int64     `json:"revision,omitempty"`  // create revision of its key
	WaitsFor *ahead    `json:"waits_for,omitempty"` // while waiting
}

// ahead is what a claim waits for: that one of so many keys is gone, of which Key is the first.
type ahead struct {
	Keys     int    `json:"keys"`
	Key      string `json:"key"`
	Revision int64  `json:"revision,omitempty"` // create revision of Key
}

type table struct {
	Keys      keys      `json:"keys"`
	Entries   int       `json:"entries"`
	Revision  int64     `json:"revision"`
	InStep    bool      `json:"in_step"`
	Since     time.Time `json:"since"`
	Reason    string    `json:"reason,omitempty"`
	Resyncs   int       `json:"resyncs"`
	Undecoded int       `json:"undecoded"`
}

type presence struct {
	Key      string    `json:"key"`
	State    string    `json:"state"` // joining, present, absent or leaving
	Since    time.Time `json:"since"`
	Lease    string    `json:"lease,omitempty"`
	Revision int64     `json:"revision,omitempty"`
	Reason   string    `json:"reason,omitempty"`
}
