// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"
	"fmt"
	"sync"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire/unary"
)

// MoveLeader hands the leadership to the member with that ID, and returns when that member leads. Without WithEndpoint
// it finds the leader among the Active endpoints, and returns conn.ErrUnavailable if none is the leader's. With
// WithEndpoint it asks that endpoint, and returns [etcderr.ErrNotLeader] if it is not the leader's. The ID of a
// learner, or an unknown ID, is [etcderr.ErrBadLeaderTransferee]. It calls Maintenance/MoveLeader, and without
// WithEndpoint Maintenance/Status before.
func MoveLeader(parent context.Context, c Request, targetID uint64) (*pb.MoveLeaderResponse, error) {
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

// leaderEndpoint asks all Active endpoints at once whether their members lead. Once it has the leader, it does not wait
// for silent ones.
func leaderEndpoint(parent context.Context, c ctx.Ctx) (string, error) {
	to, err := engine.Lookup(c.Conn())
	if err != nil {
		return "", err
	}
	active := to.Active()
	if parent == nil || len(active) == 0 { // the call refuses a nil parent, and waits for an endpoint
		if _, err := Status(parent, c); err != nil {
			return "", err
		}
		active = to.Active()
	}
	asking, stop := context.WithCancel(parent)
	var asked sync.WaitGroup
	defer asked.Wait()
	defer stop()
	answers := make(chan answer, len(active))
	for _, endpoint := range active {
		asked.Go(func() {
			status, err := Status(asking, c.WithEndpoint(endpoint))
			leads := err == nil && status.GetLeader() == status.GetHeader().GetMemberId()
			answers <- answer{endpoint, leads, err}
		})
	}
	err = fmt.Errorf("%w: none of connection %q is the leader's", connerr.ErrUnavailable, to.Name())
	for range active {
		switch a := <-answers; {
		case a.leads:
			return a.endpoint, nil
		case a.err != nil:
			err = fmt.Errorf("%w: %w", err, a.err)
		}
	}
	return "", err
}

// answer is the answer of one endpoint to the question whether its member leads.
type answer struct {
	endpoint string
	leads    bool
	err      error
}
