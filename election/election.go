// SPDX-License-Identifier: Apache-2.0

// Package election lets one of several candidates lead, and tells everyone who leads.
//
//	candidate := election.New("registry").WithName("scheduler").WithValue("10.0.0.1")
//	err := election.Run(ctx, candidate, 10*time.Second,
//		func(leading context.Context, l *election.Leadership) error {
//			_, err := kv.Txn(leading, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
//			return err
//		})
//
// A candidate is a key below the name of the election, attached to a lease. The candidate with the oldest key leads. A leader
// may notice too late that its lease has ended. Another candidate leads then. So put each write that must not come from a
// former leader into a transaction with [Leadership.Guard], which the server checks.
//
// The keys of an election named a/b are also candidates of an election named a. So let no name begin with another name and a slash.
//
// [Campaign] uses a lease of the caller, and [Run] has one of its own. One lease is one candidacy. So use a lease for one
// candidate, and on one connection only. A call that gives up deletes the key of its lease. If a put of that call was not
// answered, it may arrive within the next minute, and the connection deletes the key again. Another connection, clientv3 or the
// Election service has the same key if it uses the same lease. It would lose its place or the leadership by that.
//
// All functions are safe for concurrent use. They return kv.ErrInvalid for a request with mistakes, before anything is
// sent; conn.ErrNotOpen, conn.ErrUnavailable or conn.ErrEndpoint if the connection cannot take the request; and an
// *etcderr.Error otherwise.
//
// Campaign, CampaignRequest and Run wait without a limit, unless WithTimeout or the context sets one. Every other call ends after
// 5 s then (conn.WithDefaultTimeout). An [Observer] goes on until its context ends or it is closed.
//
// Its counterpart in eetcd is the module eetcd_election: see docs/eetcd.md.
package election

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in every
// package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Campaign waits until the candidate leads the election of WithName, and returns its leadership. WithValue is what observers
// are told. The candidate leads while its key exists: until Resign, or until the lease of WithLease ends. WithName and
// WithLease are required. A second Campaign with the same lease is the same candidacy, with the newer value.
//
// Without WithTimeout and without a deadline of parent, Campaign waits without a limit. A wait that runs out of time ends with the
// error of parent, or with context.DeadlineExceeded. Campaign fails with etcderr.ErrLeaseNotFound when the lease ends, and with
// [ErrLost] when another client deletes its key or puts it without the lease.
//
// A call that gives up deletes its key. Once its time is up, it waits for that up to half a second. After a loss or a refusal it waits
// up to 5 s. After that the connection continues until it is closed.
//
// It sends KV/Range, KV/Txn and Watch/Watch. The RPC Election/Campaign would wait on one member only.
func Campaign(parent context.Context, c Request) (*v3electionpb.CampaignResponse, error) {
	_, err := render.Campaign(c)
	err = named(parent, c, err)
	if sealed.Ctx(c).Lease() == 0 {
		err = render.AlsoInvalid(err, "election: a campaign request needs WithLease")
	}
	if err != nil {
		return nil, err
	}
	held, err := claim.Waiting{Request: c, What: "election", Lost: ErrLost, Proclaims: true}.Turn(parent)
	if err != nil {
		return nil, err
	}
	return &v3electionpb.CampaignResponse{Header: held.Header, Leader: keyOf(c, held)}, nil
}

// keyOf returns a claim as the key of a leader.
func keyOf(c ctx.Ctx, h claim.Held) *v3electionpb.LeaderKey {
	return &v3electionpb.LeaderKey{Name: []byte(sealed.Ctx(c).Name()), Key: []byte(h.Key), Rev: h.Rev, Lease: h.Lease}
}

// Proclaim tells observers the value of WithValue for the leader of WithLeader. A candidate that no longer leads gets
// etcderr.ErrElectionNotLeader. A missing key is etcderr.ErrMissingLeaderKey. It calls Election/Proclaim.
func Proclaim(parent context.Context, c Request) (*v3electionpb.ProclaimResponse, error) {
	request, err := render.Proclaim(c)
	if err != nil {
		return nil, err
	}
	return wire.Election.Proclaim.Call(parent, c, request)
}

// Leader returns the key and value of the leader of the election of WithName. If there is none, it fails with
// etcderr.ErrElectionNoLeader. It calls Election/Leader.
func Leader(parent context.Context, c Request) (*v3electionpb.LeaderResponse, error) {
	request, err := render.Leader(c)
	if err = named(parent, c, err); err != nil {
		return nil, err
	}
	return wire.Election.Leader.Call(parent, c, request)
}

// Resign gives up the leadership of WithLeader. It changes nothing if that leadership has ended. A missing key is
// etcderr.ErrMissingLeaderKey. It calls Election/Resign.
func Resign(parent context.Context, c Request) (*v3electionpb.ResignResponse, error) {
	request, err := render.Resign(c)
	if err != nil {
		return nil, err
	}
	answer, err := wire.Election.Resign.Call(parent, c, request)
	if err == nil {
		claim.Forget(c, string(request.GetLeader().GetKey()))
	}
	return answer, err
}

// named adds to err the mistakes in a request about one election.
func named(parent context.Context, c ctx.Ctx, err error) error {
	if sealed.Ctx(c).Name() == "" {
		err = render.AlsoInvalid(err, "election: a request about an election needs WithName")
	}
	if parent == nil {
		err = render.AlsoInvalid(err, "election: the parent context is nil")
	}
	return err
}
