// SPDX-License-Identifier: Apache-2.0

package sealed

import "time"

// Ctx is what ctx.Ctx is made of.
type Ctx struct{ request Request }

// Open returns the request in c.
func (c *Ctx) Open() *Request { return &c.request }

// Conn returns the name of the request's connection, or "" if it is unbound.
func (c Ctx) Conn() string { return c.request.Conn }

// Timeout returns the timeout of WithTimeout, and whether one was given.
func (c Ctx) Timeout() (d time.Duration, given bool) {
	return c.request.Timeout, c.request.Has(OptTimeout)
}

// Endpoint returns the endpoint of WithEndpoint, and whether one was given. An empty endpoint counts as given.
func (c Ctx) Endpoint() (endpoint string, given bool) {
	return c.request.Endpoint, c.request.Has(OptEndpoint)
}

// Key returns the key so far, "" if none was given. For a range it is where the range starts.
func (c Ctx) Key() string { return c.request.Key }

// Name returns the name of WithName, or "" if none was given.
func (c Ctx) Name() string { return c.request.Name }

// Value returns the value of WithValue, or "" if none was given.
func (c Ctx) Value() string { return c.request.Value }

// Lease returns the ID of WithLease, or 0 if none was given.
func (c Ctx) Lease() int64 { return c.request.Lease }

// Limit returns the limit of WithLimit, or 1 after WithTop, or 0.
func (c Ctx) Limit() int64 { return c.request.Limit }

// Rev returns the revision of WithRev, or 0 if none was given.
func (c Ctx) Rev() int64 { return c.request.Rev }

// Serializable reports whether WithSerializable was given.
func (c Ctx) Serializable() bool { return c.request.Has(OptSerializable) }
