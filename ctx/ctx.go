// SPDX-License-Identifier: Apache-2.0

// Package ctx builds etcd requests as immutable values. A [Ctx] names a connection and says what is asked, and one base
// request can be the start of many others.
//
//	base := ctx.New("registry").WithKey("heartbeat:").WithPrefix()
//	newest := base.WithSort(ctx.ByMod, ctx.Descend).WithLimit(10)
//	count := base.WithCountOnly() // base and newest stay as they are
//
// Programs do not need to import this package. Each service package has its Ctx as Request, with New and the constants
// that its requests take.
//
// Builders never fail. The call that would send an invalid request, such as kv.Get or watch.Watch, reports every
// conflict at once, as an [*InvalidError] that is [ErrInvalid].
//
// Its counterparts in eetcd are new and the with_ functions of each module: see docs/eetcd.md.
package ctx

import "github.com/eetcd-go/eetcd/internal/sealed"

// Ctx is a request: the connection to use, the options given so far, and which ones were given. Each With method
// returns an edited copy and does not change the receiver.
//
// Ctx is a plain value. It can be copied, compared with ==, used as a map key, and shared between goroutines. Building
// one from strings and numbers allocates nothing, except in [Ctx.WithSubKey], which joins two strings. The zero value
// is an unbound, empty request.
type Ctx sealed.Ctx

// open returns the content of c, for a builder that has a copy of its receiver.
func (c *Ctx) open() *sealed.Request { return (*sealed.Ctx)(c).Open() }

// New returns an empty request for the connection registered under the name conn. The name is looked up when the
// request is sent, so New works before conn.Open.
func New(conn string) Ctx {
	return Ctx{}.WithConn(conn)
}

// Key returns an unbound request for key, short for Ctx{}.WithKey(key). An operation of a transaction needs no
// connection of its own. Any other request gets one by [Ctx.WithConn].
func Key(key string) Ctx {
	return Ctx{}.WithKey(key)
}
