// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/leader"
)

// MoveLeader hands the leadership to the member with that ID, and returns when that member leads. Without WithEndpoint
// it finds the leader among the Active endpoints, and returns conn.ErrUnavailable if none of them is the leader's. With
// WithEndpoint it asks that endpoint, and returns [etcderr.ErrNotLeader] if it is not the leader's. The ID of a
// learner, or an unknown ID, is [etcderr.ErrBadLeaderTransferee]. It calls Maintenance/MoveLeader, and without
// WithEndpoint Maintenance/Status before.
func MoveLeader(parent context.Context, c Request, targetID uint64) (*pb.MoveLeaderResponse, error) {
	if err := render.Check(c, "a move leader request", 0); err != nil {
		return nil, err
	}
	parent, cancel := within(parent, c)
	defer cancel()
	if _, given := sealed.Ctx(c).Endpoint(); !given {
		endpoint, err := leaderEndpoint(parent, c)
		if err != nil {
			return nil, err
		}
		c = c.WithEndpoint(endpoint)
	}
	return wire.Maintenance.MoveLeader.Call(parent, c,
		&pb.MoveLeaderRequest{TargetID: targetID})
}

// leaderEndpoint finds the endpoint of the leader.
func leaderEndpoint(parent context.Context, c ctx.Ctx) (string, error) {
	to, err := wire.RouteOf(c)
	if err != nil {
		return "", err
	}
	if parent == nil || len(to.Conn.Active()) == 0 { // the call refuses the one, and waits for the other
		if _, err := wire.Maintenance.Status.Over(parent, to, &pb.StatusRequest{}); err != nil {
			return "", err
		}
	}
	return leader.Endpoint(parent, to)
}
