// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// leader returns nil for a leadership that is missing.
func leader(l sealed.Leader) *v3electionpb.LeaderKey {
	if !l.Present {
		return nil
	}
	return &v3electionpb.LeaderKey{
		Name:  []byte(l.Name),
		Key:   []byte(l.Key),
		Rev:   l.Rev,
		Lease: l.Lease,
	}
}

// Campaign renders the request for /v3electionpb.Election/Campaign, or returns an
// [*ctx.InvalidError]. It takes WithName, WithLease and WithValue.
func Campaign(c ctx.Ctx) (*v3electionpb.CampaignRequest, error) {
	r := open(&c)
	if err := check(r, "a campaign request", sealed.OptName|sealed.OptLease|sealed.OptValue); err != nil {
		return nil, err
	}
	return &v3electionpb.CampaignRequest{
		Name:  []byte(r.Name),
		Lease: r.Lease,
		Value: []byte(r.Value),
	}, nil
}

// Proclaim renders the request for /v3electionpb.Election/Proclaim, or returns an
// [*ctx.InvalidError]. It takes WithLeader and WithValue.
func Proclaim(c ctx.Ctx) (*v3electionpb.ProclaimRequest, error) {
	r := open(&c)
	if err := check(r, "a proclaim request", sealed.OptLeader|sealed.OptValue); err != nil {
		return nil, err
	}
	return &v3electionpb.ProclaimRequest{
		Leader: leader(r.Leader),
		Value:  []byte(r.Value),
	}, nil
}

// Leader renders the request for /v3electionpb.Election/Leader and
// /v3electionpb.Election/Observe, or returns an [*ctx.InvalidError]. It takes WithName.
func Leader(c ctx.Ctx) (*v3electionpb.LeaderRequest, error) {
	r := open(&c)
	if err := check(r, "a leader request", sealed.OptName); err != nil {
		return nil, err
	}
	return &v3electionpb.LeaderRequest{Name: []byte(r.Name)}, nil
}

// Resign renders the request for /v3electionpb.Election/Resign, or returns an
// [*ctx.InvalidError]. It takes WithLeader.
func Resign(c ctx.Ctx) (*v3electionpb.ResignRequest, error) {
	r := open(&c)
	if err := check(r, "a resign request", sealed.OptLeader); err != nil {
		return nil, err
	}
	return &v3electionpb.ResignRequest{Leader: leader(r.Leader)}, nil
}
