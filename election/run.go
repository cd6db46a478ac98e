// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/claim"
)

// ErrLost says that a candidate does not lead any more, or may not: its lease ended, or its key is gone. It comes wrapped
// together with the reason.
var ErrLost = errors.New("election: leadership lost")

// Leadership is an election that is won. Its methods are safe for concurrent use.
type Leadership struct {
	Key *v3electionpb.LeaderKey // not to be changed

	to ctx.Ctx
}

// Guard is the fence for a transaction: it is true as long as this candidate leads.
func (l *Leadership) Guard() compare.Compare {
	return claim.Held{Key: string(l.Key.GetKey()), Rev: l.Key.GetRev()}.Guard()
}

// Proclaim tells the others a new value. A candidate that does not lead any more gets etcderr.ErrElectionNotLeader. It ends
// after 5 s where parent has no earlier deadline.
func (l *Leadership) Proclaim(parent context.Context, value string) error {
	_, err := Proclaim(parent, l.to.WithLeader(l.Key).WithValue(value))
	return err
}

// Run campaigns for WithName with WithValue and a lease of its own, runs f while it leads, and resigns. leading is
// cancelled with parent, and when the leadership is lost; context.Cause then is [ErrLost] with the reason. The leadership
// is kept until f returns, whatever becomes of parent, and given up however f ends, by a panic too, by a revocation of the
// lease that is tried for 5 s. A process that dies, or whose revocation fails, gives it up after ttl. An error or a
// cancellation before it is won leaves no candidate's key behind.
//
// It returns the error of f, joined with ErrLost if the leadership was lost meanwhile, or why there was none. parent and
// WithTimeout bound the wait for it. The ttl is that of lease.Grant: whole seconds, rounded up, at least some 2 s; it is
// how long the others wait for a leader that died. eetcd has no counterpart.
func Run(parent context.Context, c ctx.Ctx, ttl time.Duration, f func(leading context.Context, l *Leadership) error) error {
	err := named(parent, c, c.Check("an election.Run request", ctx.OptName|ctx.OptValue))
	if ttl <= 0 {
		err = ctx.AlsoInvalid(err, fmt.Sprintf("election: a TTL of %v is not positive", ttl))
	}
	if f == nil {
		err = ctx.AlsoInvalid(err, "election: there is no function to run")
	}
	if err != nil {
		return err
	}
	to := New(c.Conn())
	if endpoint, ok := c.Endpoint(); ok {
		to = to.WithEndpoint(endpoint)
	}
	return claim.Holding{
		Request: c, TTL: ttl, Lost: ErrLost,
		Acquire: func(waiting context.Context, lease int64) (string, error) {
			response, err := Campaign(waiting, to.WithName(c.Name()).WithValue(c.Value()).WithLease(lease))
			return string(response.GetLeader().GetKey()), err
		},
	}.While(parent, func(leading context.Context, h claim.Held) error {
		key := &v3electionpb.LeaderKey{Name: []byte(c.Name()), Key: []byte(h.Key), Rev: h.Rev, Lease: h.Lease}
		return f(leading, &Leadership{Key: key, to: to})
	})
}
