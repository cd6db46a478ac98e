// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/lock"
)

// contest is a lock or election under one name.
type contest struct {
	mu      sync.Mutex
	revs    []int64
	turns   [contenders]int
	givenUp int
}

// TestContendersSurviveRepeatedLossOfMembers queues contenders while members are lost in turn, for less than the TTL
// each time, and restarted one after the other. No contender may end with an error other than its own timeout, each turn must belong to the oldest claim,
// and nothing may be left.
func TestContendersSurviveRepeatedLossOfMembers(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	var bases [connections]ctx.Ctx
	for i := range bases {
		bases[i] = open(t, cluster)
	}
	over := make(chan struct{})
	var everybody sync.WaitGroup
	contests := map[string]*contest{}
	for kind, by := range kinds {
		contest := &contest{}
		contests[kind] = contest
		for id := range contenders {
			c := bases[id%connections].WithName(kind)
			everybody.Go(func() { contest.contend(t, by(longTTL), c, id, over) })
		}
	}
	hurt(t, cluster, 2*time.Second, rolling)
	close(over)
	everybody.Wait()
	for kind, c := range contests {
		if !slices.IsSorted(c.revs) {
			t.Errorf("%s: the turns were those of %d", kind, c.revs)
		}
		if slices.Min(c.turns[:]) == 0 {
			t.Errorf("%s: not each contender had a turn: %d", kind, c.turns)
		}
		t.Logf("%s: %d turns, %d given up", kind, len(c.revs), c.givenUp)
		awaitKeys(t, bases[0], kind, 0)
	}
	awaitLeases(t, bases[0], 0)
}

// contend takes turns. The last two contenders give up again and again.
func (c *contest) contend(t *testing.T, take turn, request ctx.Ctx, id int, over <-chan struct{}) {
	hasty := id >= contenders-2
	for last := false; !last; {
		limited := request
		select {
		case <-over:
			last = true
		default:
			if hasty {
				limited = request.WithTimeout(time.Millisecond + rand.N(time.Second))
			}
		}
		err := take(t.Context(), limited, func(held context.Context, _ compare.Compare, rev int64) error {
			c.mu.Lock()
			c.revs = append(c.revs, rev)
			c.turns[id]++
			c.mu.Unlock()
			select {
			case <-time.After(rand.N(20 * time.Millisecond)):
				return nil
			case <-held.Done():
				return context.Cause(held)
			}
		})
		switch {
		case err == nil:
		case hasty && !last && errors.Is(err, lock.ErrNotAcquired) && errors.Is(err, context.DeadlineExceeded):
			c.mu.Lock()
			c.givenUp++
			c.mu.Unlock()
		default:
			t.Errorf("contender %d: %v", id, err)
		}
	}
}
