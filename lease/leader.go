// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/leader"
)

// lookTimeout is how long the search for the leader waits for a member.
const lookTimeout = time.Second

// leaderOf returns the endpoint of the leader, or "" if none is, or none answers.
func leaderOf(ctx context.Context, c *engine.Conn) string {
	to := wire.Route{Conn: c.Whole()} // a namespace refuses to look for the leader
	to.Timeout = lookTimeout
	endpoint, _ := leader.Endpoint(ctx, to) // the caller looks again later
	return endpoint
}
