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
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
)

// GuardOf returns the fence for a transaction. It is true as long as the leader with the key k leads. The response to [Campaign]
// has that key.
func GuardOf(k *v3electionpb.LeaderKey) compare.Compare {
	return claim.GuardOf(string(k.GetKey()), k.GetRev())
}

// Leadership is an election that was won. Its methods are safe for concurrent use.
type Leadership struct {
	Key *v3electionpb.LeaderKey // do not change it, and do not write to the key in the store

	to   ctx.Ctx
	term *claim.Term
}

// Guard returns [GuardOf] the leader's key.
func (l *Leadership) Guard() compare.Compare { return GuardOf(l.Key) }

// ValidUntil returns the time until which the function of Run certainly leads. Before that time nobody else leads, unless somebody
// deletes the leader's key. Each renewal of the lease moves the time. Once the leadership is known to be lost, or the function has
// returned, the time is in the past.
func (l *Leadership) ValidUntil() time.Time { return l.term.ValidUntil() }

// Proclaim tells observers a new value. A candidate that no longer leads gets etcderr.ErrElectionNotLeader. It ends
// at the deadline of parent, or after 5 s if there is none (conn.WithDefaultTimeout).
func (l *Leadership) Proclaim(parent context.Context, value string) error {
	_, err := Proclaim(parent, l.to.WithLeader(l.Key).WithValue(value))
	return err
}

// Run campaigns for WithName with WithValue and a lease of its own, runs f while it leads, and resigns. leading ends with parent,
// and when the leadership is lost. If it is lost, context.Cause of leading is [ErrLost] with the reason. The leadership is kept
// until f returns, even if parent ends. It is given up however f ends, also by a panic.
//
// Run returns the error of f, together with ErrLost if the leadership was lost while f ran. If f did not run, it returns
// [ErrNotAcquired] with the reason.
//
// Without WithTimeout and without a deadline of parent, Run waits for the leadership without a limit. If the lease ends during the
// wait, as in an outage longer than ttl, Run takes a new place at the end of the queue. A rejection such as
// etcderr.ErrPermissionDenied ends the wait.
//
// To give up the leadership, Run deletes the key and revokes the lease. It waits up to 5 s for that. The wait is shorter once
// parent has ended: 2 s, or half a second if f did not run. After that the connection continues until it is closed. So a call
// leaves nothing behind while the cluster can be reached. If the process dies, the leadership ends after ttl.
//
// The ttl is that of lease.Grant: whole seconds, rounded up, at least about 2 s. A ttl below 1 ms is kv.ErrInvalid.
//
// It sends Lease/LeaseGrant, LeaseKeepAlive and LeaseRevoke, KV/Txn and Watch/Watch. eetcd has no counterpart.
func Run(parent context.Context, c Request, ttl time.Duration, f func(leading context.Context, l *Leadership) error) error {
	err := named(parent, c, render.Check(c, "an election.Run request", sealed.OptName|sealed.OptValue))
	err = leasettl.Check(err, "election", ttl)
	if f == nil {
		err = render.AlsoInvalid(err, "election: there is no function to run")
	}
	ran := false
	if err == nil {
		to := New(sealed.Ctx(c).Conn())
		if endpoint, ok := sealed.Ctx(c).Endpoint(); ok {
			to = to.WithEndpoint(endpoint)
		}
		holding := claim.Holding{Request: c, What: "election", TTL: ttl, Lost: ErrLost}
		ran, err = holding.While(parent, func(leading context.Context, h claim.Held) error {
			return f(leading, &Leadership{Key: keyOf(c, h), to: to, term: h.Term})
		})
	}
	if !ran {
		err = fmt.Errorf("election: %w: %w", ErrNotAcquired, err)
	}
	return err
}
