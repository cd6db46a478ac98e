// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"
	"fmt"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/unary"
)

// MoveLeader hands the leadership to the member with that ID, and returns when it leads. Without WithEndpoint the request
// goes to whichever Active endpoint is the leader's, conn.ErrUnavailable if there is none; with WithEndpoint to that one,
// etcderr.ErrNotLeader if it is not the leader's. A learner, or an ID that is no member's, is
// etcderr.ErrBadLeaderTransferee. It calls Maintenance/MoveLeader, without WithEndpoint after Maintenance/Status, and
// mirrors eetcd_maintenance:move_leader/2.
func MoveLeader(parent context.Context, c ctx.Ctx, targetID uint64) (*pb.MoveLeaderResponse, error) {
	if err := c.Check("a move leader request", 0); err != nil {
		return nil, err
	}
	parent, cancel := within(parent, c)
	defer cancel()
	if _, given := c.Endpoint(); !given {
		leader, err := leaderEndpoint(parent, c)
		if err != nil {
			return nil, err
		}
		c = c.WithEndpoint(leader)
	}
	return unary.Call[pb.MoveLeaderResponse](parent, c, pb.Maintenance_MoveLeader_FullMethodName,
		&pb.MoveLeaderRequest{TargetID: targetID})
}

// leaderEndpoint asks one endpoint after another for the leader's.
func leaderEndpoint(parent context.Context, c ctx.Ctx) (string, error) {
	to, err := conn.Lookup(c.Conn())
	if err != nil {
		return "", err
	}
	err = fmt.Errorf("%w that is the leader's: connection %q", conn.ErrUnavailable, to.Name())
	for _, e := range to.Info() {
		if e.State != conn.Active {
			continue
		}
		status, failed := Status(parent, c.WithEndpoint(e.Address))
		switch {
		case failed != nil:
			err = fmt.Errorf("%w: %w", err, failed)
		case status.GetLeader() == status.GetHeader().GetMemberId():
			return e.Address, nil
		}
	}
	return "", err
}
