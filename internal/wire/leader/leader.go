// SPDX-License-Identifier: Apache-2.0

// Package leader finds the endpoint of the cluster's leader.
package leader

import (
	"context"
	"fmt"
	"sync"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// Endpoint asks all Active endpoints of a route's connection at once, each within the route's timeout, and returns the
// leader's as soon as it is known. If no Active endpoint is the leader's, it returns ErrUnavailable with the answers that
// were errors. It calls Maintenance/Status.
func Endpoint(parent context.Context, to wire.Route) (string, error) {
	asking, stop := context.WithCancel(parent)
	var asked sync.WaitGroup
	defer asked.Wait()
	defer stop()
	active := to.Conn.Active()
	answers := make(chan answer, len(active))
	for _, endpoint := range active {
		asked.Go(func() {
			status, err := wire.Maintenance.Status.Over(asking, to.At(endpoint), &pb.StatusRequest{})
			leads := err == nil && status.GetLeader() != 0 && status.GetLeader() == status.GetHeader().GetMemberId()
			answers <- answer{endpoint, leads, err}
		})
	}
	err := fmt.Errorf("%w: none of connection %q is the leader's", connerr.ErrUnavailable, to.Conn.Name())
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
