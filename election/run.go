// SPDX-License-Identifier: Apache-2.0

package election

import (
	"context"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
	"github.com/eetcd-go/eetcd/lease"
)

// GuardOf is the fence for a transaction: it is true as long as the candidate of k leads, as the response to [Campaign]
// has it.
func GuardOf(k *v3electionpb.LeaderKey) compare.Compare {
	return claim.GuardOf(string(k.GetKey()), k.GetRev())
}

// Leadership is an election that is won. Its methods are safe for concurrent use.
type Leadership struct {
	Key *v3electionpb.LeaderKey // not to be changed

	to     ctx.Ctx
	keeper *lease.Keeper
}

// Guard is [GuardOf] the leader's key.
func (l *Leadership) Guard() compare.Compare { return GuardOf(l.Key) }

// ValidUntil returns until when the lease is known to be valid, while the function of Run runs: nobody else leads before, unless somebody deletes the
// leader's key. It moves with each renewal, and lies in the past once the lease is lost.
func (l *Leadership) ValidUntil() time.Time { return claim.ValidUntil(l.keeper) }

// Proclaim tells the others a new value. A candidate that does not lead any more gets etcderr.ErrElectionNotLeader. It ends
// after 5 s where parent has no earlier deadline.
func (l *Leadership) Proclaim(parent context.Context, value string) error {
	_, err := Proclaim(parent, l.to.WithLeader(l.Key).WithValue(value))
	return err
}

// Run campaigns for WithName with WithValue and a lease of its own, runs f while it leads, and resigns. leading is
// cancelled with parent, and when the leadership is lost; context.Cause then is [ErrLost] with the reason. The leadership
// is kept until f returns, whatever becomes of parent, and given up however f ends, by a panic too.
//
// It returns the error of f, together with ErrLost if the leadership was lost meanwhile; or [ErrNotAcquired] with the
// reason, and then f has not run. parent and WithTimeout bound the wait for it. A place in the queue that is lost because
// the lease has ended, as in an outage longer than ttl, is taken anew at its end. A rejection such as
// etcderr.ErrPermissionDenied ends the wait.
//
// The leadership is given up by revoking the lease, and Run waits for that for up to 5 s: 2 s once parent has ended, and
// half a second where the wait to lead has run out of time. What takes longer the connection goes on with until it is
// closed. So nothing is left of a call while the cluster can be reached. A process that dies gives it up after ttl. The
// ttl is that of [lease.Grant]: whole seconds, rounded up, at least some 2 s; one below 1 ms is kv.ErrInvalid.
//
// It sends Lease/LeaseGrant, LeaseKeepAlive and LeaseRevoke, KV/Txn and Watch/Watch. eetcd has no counterpart.
func Run(parent context.Context, c Request, ttl time.Duration, f func(leading context.Context, l *Leadership) error) error {
	err := named(parent, c, c.Check("an election.Run request", ctx.OptName|ctx.OptValue))
	err = leasettl.Check(err, "election", ttl)
	if f == nil {
		err = ctx.AlsoInvalid(err, "election: there is no function to run")
	}
	ran := false
	if err == nil {
		to := New(c.Conn())
		if endpoint, ok := c.Endpoint(); ok {
			to = to.WithEndpoint(endpoint)
		}
		holding := claim.Holding{Request: c, TTL: ttl, Lost: ErrLost}
		ran, err = holding.While(parent, func(leading context.Context, h claim.Held) error {
			return f(leading, &Leadership{Key: keyOf(c, h), to: to, keeper: h.Keeper})
		})
	}
	if !ran {
		err = fmt.Errorf("election: %w: %w", ErrNotAcquired, err)
	}
	return err
}
