// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// WithName sets the name of an election or of a lock.
func (c Ctx) WithName(name string) Ctx {
	r := c.open()
	r.Given |= sealed.OptName
	r.Name = name
	return c
}

// WithLeader sets the leadership for a proclamation or a resignation, from the response to a campaign. The key is
// copied. Servers refuse a nil key with etcderr.ErrMissingLeaderKey.
func (c Ctx) WithLeader(key *v3electionpb.LeaderKey) Ctx {
	r := c.open()
	r.Given |= sealed.OptLeader
	r.Leader = sealed.Leader{}
	if key != nil {
		r.Leader = sealed.Leader{
			Name:    string(key.Name),
			Key:     string(key.Key),
			Rev:     key.Rev,
			Lease:   key.Lease,
			Present: true,
		}
	}
	return c
}
