// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"time"

	"github.com/eetcd-go/eetcd/internal/sealed"
)

// WithConn binds the request to the connection registered under name, and replaces an earlier one. An empty name
// unbinds the request.
func (c Ctx) WithConn(name string) Ctx {
	c.open().Conn = name
	return c
}

// WithTimeout limits the time of a call. For a unary call it limits the whole call, for a watch, an observer or a
// keeper the creation, for lock.Do and election.Run the wait to acquire, and for stm.Run all attempts together. The
// deadline of the call's context.Context holds as well, and the earlier one ends the call. Without either, unary calls
// and the creation of a watch or a keeper end after the default timeout of the connection (5 s;
// conn.WithDefaultTimeout). Other waits have no default.
//
// A timeout below 1 ms is refused with [ErrInvalid] when the request is sent.
func (c Ctx) WithTimeout(d time.Duration) Ctx {
	r := c.open()
	r.Given |= sealed.OptTimeout
	r.Timeout = d
	return c
}

// WithEndpoint sends the request to this member only, instead of any Active endpoint. The endpoint is spelled as in
// conn.Open or as in the member list. A learner is reached in this way only. It serves its status, snapshots and
// serializable reads, and refuses the rest with etcderr.ErrNotSupportedForLearner.
func (c Ctx) WithEndpoint(endpoint string) Ctx {
	r := c.open()
	r.Given |= sealed.OptEndpoint
	r.Endpoint = endpoint
	return c
}
