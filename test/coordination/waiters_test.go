// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
)

const (
	waiting  = 6
	longTTL  = time.Minute // no lease of a test with it ends by itself
	queue    = "queue"
	goOnSoon = 15 * time.Second // for all waiters together, while the member they waited on is away
)

// line is a holder and the waiters behind it.
type line struct {
	c       ctx.Ctx
	all     sync.WaitGroup
	give    chan struct{} // closed to have the holder give up
	given   sync.Once
	mu      sync.Mutex
	revs    []int64       // of the waiters, as they came to hold
	through chan struct{} // a waiter is through
}

// queueUp starts a holder, and waiters behind it in a known order.
func queueUp(t *testing.T, cluster *etcdtest.Cluster, take turn) *line {
	t.Helper()
	var bases [connections]ctx.Ctx
	for i := range bases {
		bases[i] = open(t, cluster)
	}
	l := &line{c: bases[0], give: make(chan struct{}), through: make(chan struct{}, waiting)}
	holds := make(chan struct{})
	l.all.Go(func() {
		err := take(t.Context(), l.c.WithName(queue), func(held context.Context, _ compare.Compare, _ int64) error {
			close(holds)
			select {
			case <-l.give:
				return nil
			case <-held.Done():
				return context.Cause(held)
			}
		})
		if err != nil {
			t.Errorf("the holder: %v", err)
		}
	})
	<-holds
	for i := range waiting {
		l.all.Go(func() {
			err := take(t.Context(), bases[i%connections].WithName(queue), func(_ context.Context, _ compare.Compare, rev int64) error {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.revs = append(l.revs, rev)
				return nil
			})
			if err != nil {
				t.Errorf("waiter %d: %v", i, err)
			}
			l.through <- struct{}{}
		})
		awaitKeys(t, l.c, queue, i+2)
	}
	t.Cleanup(l.release)
	return l
}

func (l *line) release() { l.given.Do(func() { close(l.give) }) }

// drain ends the holder's turn and waits until all waiters have held. It returns how long that took.
func (l *line) drain(t *testing.T, within time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	l.release()
	limit := time.After(within)
	for n := range waiting {
		select {
		case <-l.through:
		case <-limit:
			t.Errorf("after %v only %d of %d waiters are through", within, n, waiting)
			return time.Since(began)
		}
	}
	return time.Since(began)
}

// judge checks that each waiter has held, in the order of their arrival.
func (l *line) judge(t *testing.T, want []int64) {
	t.Helper()
	l.all.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.revs, want) {
		t.Errorf("the waiters of revisions %d have held as %d", want, l.revs)
	}
	awaitKeys(t, l.c, queue, 0)
}

// places returns the create revisions of the waiters.
func (l *line) places(t *testing.T) []int64 {
	t.Helper()
	var all []int64
	for _, pair := range keysBelow(t, l.c, queue)[1:] {
		all = append(all, pair.GetCreateRevision())
	}
	return all
}

// keysBelow returns the keys below a name, oldest first.
func keysBelow(t *testing.T, c ctx.Ctx, name string) []*mvccpb.KeyValue {
	t.Helper()
	all, err := kv.Get(t.Context(), c.WithKey(name+"/").WithPrefix().WithSort(kv.ByCreate, kv.Ascend).WithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	return all.GetKvs()
}

// awaitKeys waits until that many keys are below a name.
func awaitKeys(t *testing.T, c ctx.Ctx, name string, n int) {
	t.Helper()
	onecluster.Eventually(t, patience, "keys below "+name, func() error {
		if there := keysBelow(t, c, name); len(there) != n {
			return fmt.Errorf("there are %d, want %d", len(there), n)
		}
		return nil
	})
}

func TestWaitersKeepTheirPlacesWhileEachMemberIsLost(t *testing.T) {
	for how, lose := range map[string]func(*etcdtest.Member){
		"rolling restart": (*etcdtest.Member).Stop,
		"kill":            (*etcdtest.Member).Kill,
	} {
		for kind, by := range kinds {
			t.Run(fmt.Sprintf("%s, %s", how, kind), func(t *testing.T) {
				t.Parallel()
				cluster := etcdtest.Start(t, etcdtest.WithSize(3))
				l := queueUp(t, cluster, by(longTTL))
				places := l.places(t)
				for i := range 3 {
					began := time.Now()
					lose(cluster.Member(i))
					// A server that stops waits for pending calls, for up to 10 s.
					took := time.Since(began)
					if t.Logf("%s was gone in %v", cluster.Member(i).Name(), took.Round(time.Millisecond)); took > 6*time.Second {
						t.Errorf("%s took %v to stop", cluster.Member(i).Name(), took)
					}
					cluster.Member(i).Restart()
				}
				l.drain(t, patience)
				l.judge(t, places)
			})
		}
	}
}

func TestWaitersMoveToAnotherMember(t *testing.T) {
	for how, f := range map[string]fault{"paused": faults[1], "partitioned": faults[3]} {
		for kind, by := range kinds {
			t.Run(fmt.Sprintf("%s, %s", how, kind), func(t *testing.T) {
				t.Parallel()
				cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
				l := queueUp(t, cluster, by(longTTL))
				places := l.places(t)
				victim := followerOf(t, cluster)
				f.strike(cluster, victim)
				took := l.drain(t, goOnSoon)
				t.Logf("%d waiters went on in %v while a follower was %s", waiting, took.Round(time.Millisecond), how)
				f.heal(cluster, victim)
				l.judge(t, places)
			})
		}
	}
}

func TestWaitersSurviveAnOutageOfTheWholeCluster(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	l := queueUp(t, cluster, byLock(longTTL))
	places := l.places(t)
	cluster.Member(0).Kill()
	time.Sleep(7 * time.Second) // for longer than calls wait for an endpoint
	cluster.Member(0).Restart()
	took := l.drain(t, patience)
	t.Logf("%d waiters went on in %v after the outage", waiting, took.Round(time.Millisecond))
	l.judge(t, places)
}

func followerOf(t *testing.T, cluster *etcdtest.Cluster) *etcdtest.Member {
	t.Helper()
	leader := cluster.Leader()
	for _, m := range cluster.Members() {
		if m != leader {
			return m
		}
	}
	t.Fatal("the cluster has no follower")
	return nil
}
