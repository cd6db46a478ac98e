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

// WithTimeout limits the time of a call. For a unary call it limits the whole call, for stm.Run and a store's Update all
// attempts together, for kv.All and kv.Pages each page, for kv.GetMany and kv.PutMany each transaction, and for
// election.Observe each request. Where the result lives on, it limits the wait for it: for the creation of a watch or a keeper, the lock, the leadership, the key of a presence,
// the first list of a table, or the start of a snapshot. The deadline of the call's context.Context holds as well, and
// the earlier one ends the call.
//
// Without either, a call ends after the default timeout of the connection (5 s; conn.WithDefaultTimeout). These have no
// default, because they wait for other clients or for the end of an outage, or take longer the more data there is:
//
//   - lock.Do, lock.Shared, lock.Semaphore, lock.Lock and lock.Acquire
//   - election.Run, election.Campaign and election.CampaignRequest
//   - presence.Keep and resolver.Register; table.Follow, table.Live and WaitRev of a table
//   - maintenance.Defragment, maintenance.Hash, maintenance.HashKV, maintenance.Snapshot and maintenance.SaveSnapshot
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
