// SPDX-License-Identifier: Apache-2.0

// Package sealed holds the content of requests and transactions. The public types, such as ctx.Ctx, are defined on the
// types of this package. A conversion back, which costs nothing, opens them. Only this module can make it, so the public
// types show users their builders and nothing else.
package sealed

import "time"

// Request is the content of a [Ctx]: where it goes, the options given so far, and which ones were given.
type Request struct {
	Given Options

	Conn     string
	Endpoint string
	Timeout  time.Duration

	Key string
	End string // of WithRangeEnd; the other extents follow from Key

	Value string
	Lease int64

	Limit  int64
	Rev    int64
	Target int32 // a ctx.SortTarget
	Order  int32 // a ctx.SortOrder

	MinModRev, MaxModRev       int64
	MinCreateRev, MaxCreateRev int64

	StartRev int64
	WatchID  int64

	Name   string
	Leader Leader
}

// Leader is a v3electionpb.LeaderKey that can be compared and shared. Its zero value is a missing key. Present is true
// also for an empty key.
type Leader struct {
	Name, Key  string
	Rev, Lease int64
	Present    bool
}

// Has reports whether any of options was given.
func (r *Request) Has(options Options) bool {
	return r.Given&options != 0
}

// AllKeys stands for both ends of the key space. As a key it is the smallest one, and as a range end etcd reads it as
// "no end".
const AllKeys = "\x00"

// PrefixEndLen returns the length of prefix without the 0xff bytes at its end, which cannot be incremented.
func PrefixEndLen(prefix string) int {
	n := len(prefix)
	for n > 0 && prefix[n-1] == 0xff {
		n--
	}
	return n
}
