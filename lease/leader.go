// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"sync"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// lookTimeout is how long the search for the leader waits for a member.
const lookTimeout = time.Second

// leaderOf asks each Active endpoint whether its member is the leader. It returns "" where none is, or none answers.
func leaderOf(ctx context.Context, c *engine.Conn) string {
	var (
		asking sync.WaitGroup
		mu     sync.Mutex
		found  string
	)
	whole := c.Whole() // a namespace refuses Status
	for _, endpoint := range c.Active() {
		asking.Go(func() {
			status := new(pb.StatusResponse)
			err := whole.Invoke(ctx, pb.Maintenance_Status_FullMethodName, new(pb.StatusRequest), status,
				call.OnEndpoint(endpoint), call.Within(lookTimeout))
			if err == nil && status.GetLeader() != 0 && status.GetLeader() == status.GetHeader().GetMemberId() {
				mu.Lock()
				defer mu.Unlock()
				found = endpoint
			}
		})
	}
	asking.Wait()
	return found
}
