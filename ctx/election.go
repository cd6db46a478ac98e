// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
)

// leaderKey is a v3electionpb.LeaderKey that can be compared and shared. Its zero value is a missing key. present is
// true also for an empty key.
type leaderKey struct {
	name, key  string
	rev, lease int64
	present    bool
}

func (l leaderKey) message() *v3electionpb.LeaderKey {
	if !l.present {
		return nil
	}
	return &v3electionpb.LeaderKey{
		Name:  []byte(l.name),
		Key:   []byte(l.key),
		Rev:   l.rev,
		Lease: l.lease,
	}
}

// WithName sets the name of an election or of a lock.
func (c Ctx) WithName(name string) Ctx {
	c.given |= optName
	c.name = name
	return c
}

// Name returns the name of [Ctx.WithName], or "" if none was given.
func (c Ctx) Name() string {
	return c.name
}

// WithLeader sets the leadership for a proclamation or a resignation, from the response to a campaign. The key is
// copied. Servers refuse a nil key with etcderr.ErrMissingLeaderKey.
func (c Ctx) WithLeader(key *v3electionpb.LeaderKey) Ctx {
	c.given |= optLeader
	c.leader = leaderKey{}
	if key != nil {
		c.leader = leaderKey{
			name:    string(key.Name),
			key:     string(key.Key),
			rev:     key.Rev,
			lease:   key.Lease,
			present: true,
		}
	}
	return c
}

// CampaignRequest renders the request for /v3electionpb.Election/Campaign, or returns an
// [*InvalidError]. It takes WithName, WithLease and WithValue.
func (c Ctx) CampaignRequest() (*v3electionpb.CampaignRequest, error) {
	if err := c.check("a campaign request", optName|optLease|optValue); err != nil {
		return nil, err
	}
	return &v3electionpb.CampaignRequest{
		Name:  []byte(c.name),
		Lease: c.lease,
		Value: []byte(c.value),
	}, nil
}

// ProclaimRequest renders the request for /v3electionpb.Election/Proclaim, or returns an
// [*InvalidError]. It takes WithLeader and WithValue.
func (c Ctx) ProclaimRequest() (*v3electionpb.ProclaimRequest, error) {
	if err := c.check("a proclaim request", optLeader|optValue); err != nil {
		return nil, err
	}
	return &v3electionpb.ProclaimRequest{
		Leader: c.leader.message(),
		Value:  []byte(c.value),
	}, nil
}

// LeaderRequest renders the request for /v3electionpb.Election/Leader and
// /v3electionpb.Election/Observe, or returns an [*InvalidError]. It takes WithName.
func (c Ctx) LeaderRequest() (*v3electionpb.LeaderRequest, error) {
	if err := c.check("a leader request", optName); err != nil {
		return nil, err
	}
	return &v3electionpb.LeaderRequest{Name: []byte(c.name)}, nil
}

// ResignRequest renders the request for /v3electionpb.Election/Resign, or returns an
// [*InvalidError]. It takes WithLeader.
func (c Ctx) ResignRequest() (*v3electionpb.ResignRequest, error) {
	if err := c.check("a resign request", optLeader); err != nil {
		return nil, err
	}
	return &v3electionpb.ResignRequest{Leader: c.leader.message()}, nil
}
