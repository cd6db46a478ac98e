// SPDX-License-Identifier: Apache-2.0

// Package ctx builds etcd requests as immutable values: a [Ctx] names a connection and
// says what is asked, and a base request can be branched as often as you like.
//
//	base := ctx.New("registry").WithKey("heartbeat:").WithPrefix()
//	newest := base.WithSort(ctx.ByMod, ctx.Descend).WithLimit(10)
//	count := base.WithCountOnly() // base and newest stay as they are
//
// Builders never fail. A request that makes no sense is reported, every conflict at once,
// by the call that would send it: kv.Get, watch.Watch and so on. Those calls use the rendering
// methods ([Ctx.RangeRequest] and its siblings), which return errors of type [*InvalidError]
// that are [ErrInvalid].
//
// Its counterparts in eetcd are new and the with_ functions of each module: see docs/eetcd.md.
package ctx

import "time"

// Ctx is a request under construction: the connection to use, the options given so far, and
// which ones were given. Each With method returns an edited copy and leaves the receiver alone.
//
// Ctx is a plain value: it can be copied, compared with ==, used as a map key, and shared between
// goroutines. Building one from strings and numbers allocates nothing, except by [Ctx.WithSubKey], which
// joins two strings. The zero value is an unbound, empty request.
type Ctx struct {
	given Options

	conn     string
	endpoint string
	timeout  time.Duration

	key string
	end string // of WithRangeEnd; the other extents follow from key

	value string
	lease int64

	limit  int64
	rev    int64
	target SortTarget
	order  SortOrder

	minModRev, maxModRev       int64
	minCreateRev, maxCreateRev int64

	startRev int64
	watchID  int64

	name   string
	leader leaderKey
}

// New returns an empty request bound to the connection that is, or will be, registered under the
// name conn. The name is looked up when the request is sent, so New works before conn.Open.
func New(conn string) Ctx {
	return Ctx{conn: conn}
}

// Key returns an unbound request for key, short for Ctx{}.WithKey(key). An operation of a
// transaction needs no connection of its own; any other request gets one from [Ctx.WithConn].
func Key(key string) Ctx {
	return Ctx{}.WithKey(key)
}
