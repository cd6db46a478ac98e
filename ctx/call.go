// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/internal/tell"
)

// minTimeout is the shortest timeout that is taken for meant: below it a call cannot reach a
// server and return, and the number is most likely one without its unit.
const minTimeout = time.Millisecond

// callOptions say how to send a request and not what it asks, so that every request has a place
// for them.
const callOptions = optTimeout | optEndpoint

// WithConn binds the request to the connection registered under name, in place of any earlier one.
// An empty name unbinds it.
func (c Ctx) WithConn(name string) Ctx {
	c.conn = name
	return c
}

// WithTimeout bounds the call: a unary call as a whole; the creation of a watch, an observer or a
// keeper; the wait to acquire in lock.Do and election.Run; all attempts of stm.Run. The deadline of
// the call's context.Context holds as well, and the earlier of the two ends the call. With
// neither, unary calls, the creation of a watch and that of a keeper end after the time of
// conn.WithDefaultTimeout, 5 s; other waits have no default.
//
// A timeout below 1 ms, zero or less included, is refused with [ErrInvalid] when the request is sent.
func (c Ctx) WithTimeout(d time.Duration) Ctx {
	c.given |= optTimeout
	c.timeout = d
	return c
}

// WithEndpoint sends the request to this member of the cluster only, instead of to any healthy one.
// The endpoint is spelled as it was given to conn.Open, or as the member list has it. It is also the way to a learner,
// which serves its status, snapshots and serializable reads; the rest is etcderr.ErrNotSupportedForLearner.
func (c Ctx) WithEndpoint(endpoint string) Ctx {
	c.given |= optEndpoint
	c.endpoint = endpoint
	return c
}

// Conn returns the name of the connection the request is bound to, "" if it is unbound.
func (c Ctx) Conn() string {
	return c.conn
}

// Timeout returns the timeout of [Ctx.WithTimeout], and whether one was given.
func (c Ctx) Timeout() (d time.Duration, given bool) {
	return c.timeout, c.has(optTimeout)
}

// Endpoint returns the endpoint of [Ctx.WithEndpoint], and whether one was given. An empty
// endpoint that was given is not the same as none.
func (c Ctx) Endpoint() (endpoint string, given bool) {
	return c.endpoint, c.has(optEndpoint)
}

// Unbound returns what the request asks without how to send it: the same request with no
// connection, timeout or endpoint.
func (c Ctx) Unbound() Ctx {
	c.given &^= callOptions
	c.conn, c.endpoint, c.timeout = "", "", 0
	return c
}

// Apart tells, in a sentence each, where c wants to be sent otherwise than the transaction that it is an
// operation of. The connection and the endpoint may be those of the transaction or left out; the timeout
// has no meaning for an operation. It is for packages op and stm; users of the SDK do not need it.
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
