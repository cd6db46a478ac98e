// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/internal/tell"
)

// minTimeout is the shortest accepted timeout. A shorter one is too short for any call, and most likely lacks its unit.
const minTimeout = time.Millisecond

// callOptions say how to send a request, not what it asks. So every request takes them.
const callOptions = optTimeout | optEndpoint

// WithConn binds the request to the connection registered under name, and replaces an earlier one. An empty name
// unbinds the request.
func (c Ctx) WithConn(name string) Ctx {
	c.conn = name
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
	c.given |= optTimeout
	c.timeout = d
	return c
}

// WithEndpoint sends the request to this member only, instead of any Active endpoint. The endpoint is spelled as in
// conn.Open or as in the member list. A learner is reached in this way only. It serves its status, snapshots and
// serializable reads, and refuses the rest with etcderr.ErrNotSupportedForLearner.
func (c Ctx) WithEndpoint(endpoint string) Ctx {
	c.given |= optEndpoint
	c.endpoint = endpoint
	return c
}

// Conn returns the name of the request's connection, or "" if it is unbound.
func (c Ctx) Conn() string {
	return c.conn
}

// Timeout returns the timeout of [Ctx.WithTimeout], and whether one was given.
func (c Ctx) Timeout() (d time.Duration, given bool) {
	return c.timeout, c.has(optTimeout)
}

// Endpoint returns the endpoint of [Ctx.WithEndpoint], and whether one was given. An empty endpoint counts as given.
func (c Ctx) Endpoint() (endpoint string, given bool) {
	return c.endpoint, c.has(optEndpoint)
}

// Unbound returns the same request without connection, timeout and endpoint.
func (c Ctx) Unbound() Ctx {
	c.given &^= callOptions
	c.conn, c.endpoint, c.timeout = "", "", 0
	return c
}

// Apart returns a sentence for each way in which c, as an operation, contradicts its transaction. Its connection and
// endpoint must be unset or those of the transaction, and it must have no timeout. Packages op and stm call it, and
// users of the SDK do not need it.
func (c Ctx) Apart(transaction Ctx) (conflicts []string) {
	if c.conn != "" && c.conn != transaction.conn {
		conflicts = append(conflicts, fmt.Sprintf("WithConn(%q) is not the transaction's connection %q", c.conn, transaction.conn))
	}
	switch {
	case !c.has(optEndpoint):
	case !transaction.has(optEndpoint):
		conflicts = append(conflicts, fmt.Sprintf("WithEndpoint(%q) is in a transaction without WithEndpoint", tell.Endpoint(c.endpoint)))
	case c.endpoint != transaction.endpoint:
		conflicts = append(conflicts, fmt.Sprintf("WithEndpoint(%q) is not the transaction's endpoint %q",
			tell.Endpoint(c.endpoint), tell.Endpoint(transaction.endpoint)))
	}
	return conflicts
}
