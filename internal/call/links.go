// SPDX-License-Identifier: Apache-2.0

// Package call makes the unary calls of a connection: each with its attempts, hedges and retries, its deadline and its budget.
//
// Its files depend on each other in one direction. From below: what each method allows (method.go, limits.go, options.go),
// where links come from (links.go), what all calls of a connection share (common.go, budget.go), one attempt after another
// (state.go, flight.go) and the context that gRPC sees (context.go), one call (unary.go, retry.go), the calls that are kept for further
// ones (pool.go), the second attempt of a silent one (hedge.go), the calls of a connection (caller.go).
package call

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/internal/member"
)

// Wanted says what link a request needs.
type Wanted struct {
	Parent   context.Context
	Deadline time.Time // until when it may wait; zero: as long as Parent
	Pinned   bool      // to Endpoint
	Endpoint string
	Method   string
	Request  any  // nil for a stream
	Aside    bool // a member without a leader will do, whatever the request
	ToLeader bool // preferably by the leader
}

// NeedsNoLeader reports whether a member serves the request even without a leader.
func (w Wanted) NeedsNoLeader() bool { return w.Aside || needsNoLeader(w.Method, w.Request) }

// AboutOneMember reports whether the request is about one member and needs no leader.
func (w Wanted) AboutOneMember() bool { return methods[w.Method]&local != 0 }

// Links finds links for calls. Its methods are safe for concurrent use.
type Links interface {
	// Pick acquires a link, and prefers one of another endpoint than avoid's. If there is none, it waits as long as
	// the connection has patience. last is the error that the call met before. The caller releases the link.
	Pick(w Wanted, avoid *member.Link, last error) (*member.Link, error)
	// Other acquires a link of another endpoint than avoid's, or returns nil. The caller releases it.
	Other(avoid *member.Link) *member.Link
}
