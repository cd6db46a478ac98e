// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// A follower asks the leader about each renewal, one after the other, and so manages some two thousand a second; the
// leader answers by itself. A stream with at least many leases moves to the leader, for which it looks now and then.
const (
	many        = 500
	firstLook   = time.Second
	nextLook    = 10 * time.Second
	lookTimeout = time.Second
)

// seek moves the stream to the leader's endpoint when it has many leases and is not there.
func (r *renewer) seek(ctx context.Context, stream engine.Stream) {
	if r.place.pinned {
		return
	}
	timer := time.NewTimer(firstLook)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if r.hasMany() {
			if leader := r.leader(ctx); leader != "" && leader != stream.Endpoint() && r.move(leader) {
				stream.Abort()
				return
			}
		}
		timer.Reset(nextLook/2 + rand.N(nextLook))
	}
}

func (r *renewer) hasMany() bool {
	r.hub.lock()
	defer r.hub.unlock()
	return r.kept >= many
}

// leader asks the Active endpoints which of them is the leader's; "" is none, or not known.
func (r *renewer) leader(ctx context.Context) string {
	var (
		asking sync.WaitGroup
		mu     sync.Mutex
		found  string
	)
	for _, endpoint := range r.hub.conn.Active() {
		asking.Go(func() {
			status := new(pb.StatusResponse)
			err := r.hub.conn.Invoke(ctx, pb.Maintenance_Status_FullMethodName, new(pb.StatusRequest), status,
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

// move has the next stream go to that endpoint, unless it is one to be left alone.
func (r *renewer) move(to string) bool {
	r.hub.lock()
	defer r.hub.unlock()
	if to == r.avoid || r.stream == nil {
		return false
	}
	r.prefer, r.moving = to, true
	return true
}
